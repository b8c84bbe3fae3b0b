"""The script of questions, run on this machine, against what Python says of the same machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.node.facts import Facts
from tasks.runtimes.facts import facts_script, parse_facts
from tests.script import samples
from tests.script.shells import SHELLS, SYSTEM_PATH, ask, tool

linux = pytest.mark.skipif(platform.system() != "Linux", reason="asks Linux by its own means")
ODD_HOME = 'it\'s a "home" $(touch ran) `touch ran` \\ 中文'


@dataclass
class Said:
    """The facts; the home and PATH that were given; a port that listens, and one that is only connected."""

    facts: Facts
    home: Path
    path: str
    listens: int
    connected: int


@pytest.fixture(scope="module", params=[*SHELLS, "busybox and nothing else"])
def said(request, tmp_path_factory):
    """By each shell; and on a host with no other programs than busybox has."""
    folder = tmp_path_factory.mktemp("facts")
    home = folder / ODD_HOME
    home.mkdir()
    shell, path = request.param, SYSTEM_PATH
    if shell not in SHELLS:
        shell, path = "busybox", str(folder / "bin")
        (folder / "bin").mkdir()
        for name in subprocess.check_output([tool("busybox"), "--list"], text=True).split():
            (folder / "bin" / name).symlink_to(tool("busybox"))
    with socket.create_server(("127.0.0.1", 0)) as listens, socket.socket() as client:
        client.connect(listens.getsockname())
        ports = listens.getsockname()[1], client.getsockname()[1]
        answer = ask(
            facts_script(samples.host(), "lab"),
            shell,
            home,
            path=path,
            SSH_CONNECTION="10.9.9.9 50000 10.0.0.7 22",
        )
    assert answer.ok, answer.error
    assert not list(folder.rglob("ran"))
    assert [p.name for p in home.iterdir()] == [], "facts must not leave anything behind"
    return Said(parse_facts(samples.host(), answer.all, answer.texts), home, path, *ports)


def test_user_home_and_host_are_those_of_this_machine(said):
    facts, home = said.facts, said.home
    assert facts.system == platform.system()
    assert facts.arch == {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    assert facts.hostname == platform.node()
    assert facts.uid == os.getuid() and facts.root == (os.getuid() == 0)
    assert facts.home == str(home)
    assert facts.ssh_server_ip == "10.0.0.7"
    assert abs(facts.clock - time.time()) < 120


def test_cpus_memory_and_disks_are_those_of_this_machine(said):
    facts, home = said.facts, said.home
    assert facts.cpus == len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert facts.memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    room = os.statvfs(home)
    mount = max((m for m in facts.disk_free if str(home).startswith(m)), key=len)
    assert facts.disk_free[mount] == pytest.approx(room.f_bavail * room.f_frsize, rel=0.05, abs=1 << 28)
    assert facts.home_writable and facts.tmp_writable


@linux
def test_the_addresses_are_those_of_this_machine(said):
    import fcntl

    facts = said.facts
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            try:
                reply = fcntl.ioctl(
                    any_socket, 0x8915, struct.pack("256s", name.encode()[:15])
                )  # SIOCGIFADDR
            except OSError:
                continue
            found[name] = socket.inet_ntoa(reply[20:24])
    mine = {(a.interface, a.ip) for a in facts.addresses}
    assert set(found.items()) <= mine
    assert all(a.network.prefixlen == a.prefix for a in facts.addresses)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            any_socket.connect(("192.0.2.1", 9))  # sends nothing: asks which way it would go
        except OSError:
            assert facts.default_interface is None
        else:
            outward = any_socket.getsockname()[0]
            assert outward in [a.ip for a in facts.addresses if a.interface == facts.default_interface]


@linux
def test_the_pythons_found_are_those_on_path(said):
    facts = said.facts
    expected = {}
    for minor in range(6, 16):
        path = shutil.which(f"python3.{minor}", path=f"{said.path}:/usr/local/bin:/usr/sbin:/sbin")
        if path and "/shims/" not in path:
            version = re.search(r"\d+\.\d+\.\d+", subprocess.check_output([path, "-V"], text=True)).group()
            expected[version] = path
    offered = dict(facts.own.pythons)
    for version in expected:
        assert os.access(offered[version], os.X_OK)
    for version, path in facts.own.pythons:
        assert subprocess.check_output([path, "-V"], text=True).startswith(f"Python {version}")


@linux
def test_ports_are_those_that_listen(said):
    assert said.listens in said.facts.ports
    assert said.connected not in said.facts.ports


@linux
def test_the_system_is_that_of_this_machine(said):
    facts = said.facts
    with open("/proc/sys/kernel/random/boot_id") as file:
        assert facts.boot_id == file.read().strip()
    assert facts.systemd == os.path.isdir("/run/systemd/system")
    assert facts.state is None and not facts.active and facts.envs == frozenset()
    name, version = platform.libc_ver()
    if name == "glibc" and shutil.which("getconf", path=said.path):
        assert facts.libc == f"glibc {version}"


@linux
@pytest.mark.parametrize(("cluster", "known"), [("lab", True), ("lab2", False)])
def test_a_node_on_its_way_up_or_down_is_known_by_its_processes(tmp_path, cluster, known):
    """Neither raylet nor GCS is there yet, or any more, and ports may still be taken."""
    marked = {"PATH": SYSTEM_PATH, "RAYFAB_NODE": f"{tmp_path}/.rayfab/lab/"}
    with subprocess.Popen(["sleep", "60"], env=marked) as process:
        try:
            answer = ask(facts_script(samples.host(), cluster), "dash", tmp_path, path=SYSTEM_PATH)
        finally:
            process.kill()
    assert parse_facts(samples.host(), answer.all, answer.texts).node_processes is known


@linux
def test_a_raylet_is_known_with_its_age_and_its_id(tmp_path):
    """One that another program started is not this node's own."""
    folder = tmp_path / ".rayfab/lab"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{}")
    (folder / "starts").write_text("Fri Nov 27 01:46:17 UTC 2026\n" * 30)
    shutil.copy(tool("dash"), tmp_path / "raylet")
    argv = [tmp_path / "raylet", "-c", "sleep 60; :", "raylet", "--node_id=a1b2", "--node_id_of=0"]
    own = {"PATH": SYSTEM_PATH, "RAYFAB_NODE": f"{folder}/"}
    with (
        subprocess.Popen(argv, env=own, start_new_session=True) as mine,
        subprocess.Popen(argv, env={"PATH": SYSTEM_PATH}, start_new_session=True) as other,
    ):
        try:
            time.sleep(0.2)
            answer = ask(facts_script(samples.host(), "lab"), "dash", tmp_path, path=SYSTEM_PATH)
        finally:
            for process in (mine, other):
                os.killpg(process.pid, signal.SIGKILL)
    facts = parse_facts(samples.host(), answer.all, answer.texts)
    # hosts of other tests, which run at the same time, have raylets as well
    ours = [one for one in facts.raylets if one.pid in (mine.pid, other.pid)]
    found = {one.pid: (one.node_id, one.own) for one in ours if one.age is not None and one.age < 60}
    assert found == {mine.pid: ("a1b2", True), other.pid: ("a1b2", False)}
    assert len(facts.starts) == 20
