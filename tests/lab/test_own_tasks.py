"""A user's own tasks and bare commands on real hosts: one user with a sudo password, one host on port 2222."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.testbed import keys
from tests.environment.checkout import copy
from tests.lab import hosts as helpers
from tests.lab.story import sh, until
from tests.terminal import CTRL_C, Terminal

EXAMPLE = Path(__file__).parents[2] / "examples/my_tasks.py"
PASSWORD = "it's alice's $HOME"
SERVICE = """[Service]
ExecStart=/bin/sh -c 'cp /etc/reader.conf /run/reader.seen; exec sleep infinity'
"""
MORE = """
from fabric import task
from tasks.hosts import hosts

@task
def who(c):
    c.run("hostname; id -un")

@task
def root(c):
    for host in hosts():
        host.sudo("id -un")

@task
def fails_on_one(c, name):
    hosts().run(f"test $(hostname) != {name} || {{ echo no disk >&2; exit 4; }}", hide=True)
"""


@pytest.fixture(scope="module")
def three(fresh_hosts):
    """Three hosts without Docker; alice may use sudo with her password. The last one's sshd is on port 2222."""
    hosts = fresh_hosts(3, flavour="python")
    for host in hosts:
        host.add_user("alice", password=PASSWORD, sudo="password")
        host.write_file("/etc/systemd/system/reader.service", SERVICE)
    hosts[2].set_sshd(port=2222)
    return hosts


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout with the example as it is, and more tasks beside it in a package."""
    top = copy(tmp_path_factory.mktemp("own") / "checkout")
    (top / "my_tasks").mkdir()
    shutil.copy(EXAMPLE, top / "my_tasks/example.py")
    (top / "my_tasks/more.py").write_text(MORE)
    (top / "my_tasks/__init__.py").write_text("from .example import *\nfrom .more import *\n")
    return top


@pytest.fixture(scope="module")
def hosts_file(three, tmp_path_factory):
    return helpers.write_hosts_file(
        tmp_path_factory.mktemp("file"),
        three,
        user="alice",
        settings={"ssh": {"sudo_password": {"env": "LAB_SUDO"}}},
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def environment(home, **more):
    drop = ("SSH_AUTH_SOCK", "RAY_HOSTS_FILE", "RAYFAB_PROGRAM", "FORCE_COLOR")
    kept = {key: value for key, value in os.environ.items() if key not in drop}
    return {**kept, "HOME": str(home), "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "120", **more}


@pytest.fixture
def run(checkout, hosts_file, home, tmp_path):
    """run("mount", ...): ./fab with the hosts file of the environment; plain=True: Fabric's own fab."""

    def do(*arguments, plain=False, file=hosts_file):
        program = [str(checkout / "tasks")]
        if plain:
            program = ["-m", "fabric", "--search-root", str(checkout)]
        more = {"LAB_SUDO": PASSWORD, **({"RAY_HOSTS_FILE": str(file)} if file else {})}
        return subprocess.run(
            [sys.executable, *program, *map(str, arguments)],
            cwd=tmp_path,
            env=environment(home, **more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return do


def done_well(done):
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return done.stdout


class TestTheExample:
    def test_mounts_once_and_for_good(self, three, run):
        for _ in range(2):
            done_well(
                run("mount", "tmpfs", "--folder", "/mnt/data", "--kind", "tmpfs", "--options", "size=1m")
            )
        for host in three:
            assert sh(host, "stat -f -c %T /mnt/data").strip() == "tmpfs"
            assert sh(host, "grep -c /mnt/data /etc/fstab").strip() == "1"

    def test_carries_a_file_and_restarts_its_service_where_it_was_another_one(self, three, run, tmp_path):
        conf = tmp_path / "my reader.conf"
        conf.write_text("tea = 'hot'\n")
        arguments = ("configure", conf, "--to", "/etc/reader.conf", "--service", "reader")
        assert done_well(run(*arguments)).count("reader restarted") == 3
        for host in three:
            assert sh(host, "cat /etc/reader.conf").strip() == "tea = 'hot'"
            assert sh(host, "systemctl is-active reader").strip() == "active"
            assert sh(host, "stat -c '%U %a' /etc/reader.conf").strip() == "root 644"
            assert sh(host, "ls /home/alice/.cache/my-tasks").strip() == ""
        sh(three[1], "echo changed >/etc/reader.conf")
        assert done_well(run(*arguments)).count("reader restarted") == 1
        assert sh(three[1], "cat /run/reader.seen").strip() == "tea = 'hot'"

    def test_collects_a_report(self, three, run, tmp_path):
        assert done_well(run("report")) == "report.csv: 3 hosts\n"
        head, *lines = (tmp_path / "report.csv").read_text().splitlines()
        assert head == "host,kernel,cores,free KiB"
        assert [line.split(",")[0] for line in lines] == [host.name for host in three]

    def test_is_limited_to_some_hosts(self, three, run):
        assert done_well(run("report", "--limit", three[2].name)) == "report.csv: 1 hosts\n"


class TestOwnTask:
    def test_uses_sudo_with_the_password_of_the_hosts_file(self, run):
        assert done_well(run("root")).split().count("root") == 3

    @pytest.mark.parametrize("plain", [False, True], ids=["./fab", "fab"])
    def test_runs_once_per_host_of_dash_h(self, three, run, plain):
        out = done_well(run("-H", f"{three[2].name},{three[0].address}", "who", plain=plain))
        assert out.split() == [three[2].name, "alice", three[0].name, "alice"]

    def test_a_host_that_fails_is_named_with_its_reason(self, three, run):
        done = run("fails-on-one", three[1].name)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"✗ {three[1].name}: ") and line.endswith(" ended with status 4: no disk")

    def test_a_password_is_asked_for_once(self, three, checkout, home, tmp_path):
        path = helpers.write_hosts_file(
            tmp_path, three, user="alice", settings={"ssh": {"sudo_password": {"prompt": True}}}
        )
        env = {**environment(home, RAY_HOSTS_FILE=str(path)), "SSH_AUTH_SOCK": None}
        line = f"{shlex.quote(sys.executable)} {shlex.quote(str(checkout / 'tasks'))} root; echo status $?"
        with Terminal(["bash", "-c", line], columns=100, env=env, cwd=tmp_path) as terminal:
            terminal.wait_for("sudo_password")
            terminal.feed(f"{PASSWORD}\r")
            lines = terminal.wait_for("status 0")
            terminal.wait()
        assert sum(line.endswith(": root") or line == "root" for line in lines) == 3
        assert terminal.raw.count("sudo_password") == 1 and PASSWORD not in terminal.raw


class TestBareCommand:
    def test_goes_to_hosts_of_the_hosts_file_by_any_of_their_names(self, three, run):
        name = three[0].name
        assert done_well(run("-H", name, "--", "hostname; id -un")) == f"{name}\nalice\n"
        words = f"{three[2].address},{name[:-1]}*"
        out = done_well(run("-H", words, "--", "hostname")).split()
        assert out[0] == three[2].name and sorted(out) == sorted(host.name for host in three)

    def test_goes_to_any_other_host_as_plain_ssh(self, three, run):
        key = keys.login_key()
        where = f"root@{three[2].address}:2222"
        assert done_well(run("-i", key, "-H", where, "--", "id -un", file=None)) == "root\n"
        refused = run("-H", where, "--", "id -un", file=None)
        assert refused.returncode == 1 and refused.stdout == ""
        assert refused.stderr.startswith(f"✗ {three[2].address}: ") and "Traceback" not in refused.stderr

    def test_does_not_trust_a_changed_host_key(self, three, run, tmp_path):
        known = keys.known_hosts().read_text().splitlines()
        (key,) = (line.split()[1:] for line in known if line.startswith(f"{three[1].address} "))
        (tmp_path / "known").write_text(f"{three[0].address} {' '.join(key)}\n")
        (tmp_path / "config").write_text(f"UserKnownHostsFile {tmp_path}/known\n")
        done = run("-S", tmp_path / "config", "-H", three[0].name, "--", "touch /tmp/was-here")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"✗ {three[0].name}: ") and "host key" in done.stderr
        assert "was-here" not in sh(three[0], "ls /tmp")

    def test_fails_with_1_and_goes_on(self, three, run):
        done = run(
            "-H", f"{three[0].name},{three[2].name}", "--", f"hostname; test $(hostname) = {three[2].name}"
        )
        assert (done.returncode, done.stdout.split()) == (1, [three[0].name, three[2].name])
        assert done.stderr.startswith(f"✗ {three[0].name}: ") and "ended with status 1" in done.stderr

    def test_ctrl_c_ends_it_with_130(self, three, checkout, hosts_file, home, tmp_path):
        env = {**environment(home, RAY_HOSTS_FILE=str(hosts_file)), "SSH_AUTH_SOCK": None}
        words = f"{three[0].name},{three[1].name}"
        program = [sys.executable, str(checkout / "tasks"), "-H", words, "--", "echo up; exec sleep 61"]
        with Terminal(program, columns=100, env=env, cwd=tmp_path) as terminal:
            terminal.wait_for("up")
            terminal.feed(CTRL_C)
            lines = terminal.wait_for("✗ interrupted")
            assert terminal.wait() == 130
        assert "Traceback" not in "\n".join(lines)
        for host in three[:2]:
            # sshd ends it when the channel has closed
            until(lambda host=host: not sh(host, "pgrep -f 'sleep 6[1]' || true").strip(), 20)
