"""The doctor's scripts on this machine: what they read, the speed between two ends, a load, a repair."""

from __future__ import annotations

import re
import socket
import time

import pytest

from tasks.node import health
from tasks.node.health import Gpu, parse_health
from tasks.plan.burned import parse_parts
from tests.script import samples
from tests.script.shells import SHELLS, SYSTEM_PATH, ask, finish, only, spawn, stand_in, tool

XID = "[12.5] NVRM: Xid (PCI:0000:01:00): 79, pid=7, GPU has fallen off the bus"


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    """A PATH that begins with a folder for stand-ins."""
    (tmp_path / "bin").mkdir()
    return f"{tmp_path}/bin:{SYSTEM_PATH}"


class TestLookCloser:
    def test_this_machine(self, shell, tmp_path, path):
        answer = ask(health.health_script("lab"), shell, tmp_path, path=path, HTTPS_PROXY="http://me:s3@p:1")
        assert answer.ok, answer.error
        found = parse_health(answer.all, answer.texts)
        assert found.python
        assert found.mtu["lo"] > 1000
        assert found.memory["MemTotal"] > found.memory["MemAvailable"] > 0
        assert found.proxies == {"https_proxy": "p:1"}
        assert b"s3" not in answer.raw
        (clock,) = re.findall(r"step clock ([\d.]+)", answer.raw.decode())
        assert abs(float(clock) - time.time()) < 600

    def test_gpus_and_the_kernels_log(self, shell, tmp_path, path):
        stand_in(
            tmp_path / "bin",
            "nvidia-smi",
            "echo '0, NVIDIA L4, 550.54.15, 2, 0x0000000000000048, 91'; echo '1, NVIDIA L4, 550.54.15, [N/A], 0x0, 40'",
        )
        stand_in(tmp_path / "bin", "dmesg", f"echo 'usb 1-1: new'; echo '{XID}'")
        answer = ask(health.health_script("lab"), shell, tmp_path, path=path)
        found = parse_health(answer.all, answer.texts)
        assert found.gpus == (
            Gpu("0", "NVIDIA L4", "550.54.15", 2, ("hardware slowdown", "heat (hardware)"), 91),
            Gpu("1", "NVIDIA L4", "550.54.15", None, (), 40),
        )
        assert found.xid == (XID,)

    def test_an_old_nvidia_smi_that_does_not_know_every_field(self, tmp_path, path):
        stand_in(
            tmp_path / "bin",
            "nvidia-smi",
            'case $* in *ecc*) echo "Field is not a valid field to query."; exit 2 ;; esac\n'
            "echo '0, Tesla K80, 418.87'",
        )
        answer = ask(health.health_script("lab"), "dash", tmp_path, path=path)
        assert parse_health(answer.all, answer.texts).gpus == (Gpu("0", "Tesla K80", "418.87"),)

    def test_what_the_environment_really_contains(self, tmp_path, path):
        folder = tmp_path / ".rayfab/lab/env/lib/python3.11/site-packages"
        for name in ("ray-2.60.0", "PyYAML-6.0.2", "zope.interface-7.0"):
            (folder / f"{name}.dist-info").mkdir(parents=True)
        answer = ask(health.health_script("lab"), "dash", tmp_path, path=path)
        found = parse_health(answer.all, answer.texts)
        assert found.packages == {"ray": "2.60.0", "pyyaml": "6.0.2", "zope-interface": "7.0"}

    def test_a_host_with_little_more_than_a_shell(self, shell, tmp_path):
        for name in ("sed", "grep", "date", "env", "uname", "cat", "tr"):
            (tmp_path / "few").mkdir(exist_ok=True)
            (tmp_path / "few" / name).symlink_to(tool(name))
        text = only(health.health_script("lab").text)
        answer = ask(text, shell, tmp_path, path=f"{tmp_path}/few")
        assert answer.ok, (answer.error, answer.stderr)
        found = parse_health(answer.all, answer.texts)
        assert (found.python, found.own_address, found.gpus) == ("", "", ())
        assert found.memory["MemTotal"] > 0


def test_limits_of_a_raylet_are_read_as_the_kernel_writes_them():
    lines = [
        "Limit                     Soft Limit           Hard Limit           Units     ",
        "Max cpu time              unlimited            unlimited            seconds   ",
        "Max processes             95887                95887                processes ",
        "Max open files            1024                 524288               files     ",
    ]
    found = parse_health({}, {"limits:77": lines})
    assert found.limits == {"77": {"cpu time": None, "processes": 95887, "open files": 1024}}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class TestSpeed:
    def test_two_ends_measure_each_other(self, shell, tmp_path):
        port = free_port()
        take = spawn(
            health.speed_script("lab", token="t", seconds=0.3, cap=8 << 20, listen=port), shell, tmp_path
        )
        answer = ask(
            health.speed_script("lab", token="t", seconds=0.3, cap=8 << 20, target=("127.0.0.1", port)),
            shell,
            tmp_path,
        )
        assert finish(take).ok
        rate, trip = answer.values["speed"].split()
        assert int(rate) > 0
        assert int(trip) > 0

    def test_a_stranger_at_the_port_gets_nothing(self, tmp_path):
        port = free_port()
        take = spawn(
            health.speed_script("lab", token="t", seconds=0.3, cap=1 << 20, listen=port), "dash", tmp_path
        )
        for token in ("other", "t"):
            answer = ask(
                health.speed_script("lab", token=token, seconds=0.3, cap=1 << 20, target=("127.0.0.1", port)),
                "dash",
                tmp_path,
            )
            assert ("speed" in answer.values) == (token == "t")
        assert finish(take).ok

    def test_without_python_it_says_so(self, tmp_path):
        (tmp_path / "few").mkdir()
        (tmp_path / "few/sed").symlink_to(tool("sed"))
        text = only(health.speed_script("lab", token="t", seconds=1, cap=1, listen=1).text)
        answer = ask(text, "dash", tmp_path, path=f"{tmp_path}/few")
        assert answer.error == "there is no Python to measure with"
        assert answer.hint


class TestBurn:
    @pytest.fixture
    def script(self, tmp_path):
        return lambda: health.burn_script(
            samples.host(ray=samples.host().ray.model_copy(update={"temp_dir": f"{tmp_path}/not/yet/there"})),
            "lab",
            0.2,
        )

    def test_every_part_has_a_value_and_nothing_stays(self, tmp_path, script):
        before = {item.name for item in tmp_path.iterdir()}
        answer = ask(script(), "dash", tmp_path)
        assert answer.ok, answer.error
        parts = {one.part: one for one in parse_parts(answer.all["burn"])}
        assert set(parts) == {"cpu", "memory", "disk-write", "disk-read"}
        assert all(one.value > 0 and one.errors == 0 for one in parts.values())
        assert {item.name for item in tmp_path.iterdir()} == before

    def test_a_wrong_result_is_counted(self, tmp_path, script):
        """In place of a processor that computes wrongly: a hashlib that does, every other time."""
        (tmp_path / "hashlib.py").write_text(
            "count = 0\n"
            "class sha256:\n"
            "    def __init__(self, data): pass\n"
            "    def hexdigest(self):\n"
            "        global count\n"
            "        count += 1\n"
            "        return str(count % 2)\n"
        )
        answer = ask(script(), "dash", tmp_path)
        (cpu,) = (one for one in parse_parts(answer.all["burn"]) if one.part == "cpu")
        assert cpu.errors > 0

    def test_a_gpu_that_nothing_can_use_is_not_called_tested(self, tmp_path, path, script):
        stand_in(tmp_path / "bin", "nvidia-smi", "echo a stand-in")
        answer = ask(script(), "dash", tmp_path, path=path)
        (gpu,) = (one for one in parse_parts(answer.all["burn"]) if one.part == "gpu")
        assert (gpu.value, gpu.why) == (None, "no PyTorch in the node's environment")


class TestRepair:
    def test_a_clock(self, shell, tmp_path, path):
        stand_in(tmp_path / "bin", "timedatectl", f'echo "$*" >>{tmp_path}/ran')
        stand_in(tmp_path / "bin", "sudo", 'while [ "$1" != timedatectl ]; do shift; done; "$@"')
        answer = ask(health.fix_script("lab", ["clock"]), shell, tmp_path, path=path)
        assert answer.all["fixed"] == ["clock ok"]
        assert (tmp_path / "ran").read_text() == "set-ntp true\n"

    def test_what_fails_is_not_called_repaired(self, tmp_path, path):
        stand_in(tmp_path / "bin", "timedatectl", "echo 'Failed to set ntp: NTP not supported' >&2; exit 1")
        answer = ask(health.fix_script("lab", ["clock"]), "dash", tmp_path, path=path)
        assert answer.all["fixed"] == ["clock Failed to set ntp: NTP not supported"]
