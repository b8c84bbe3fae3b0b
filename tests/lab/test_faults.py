"""What goes wrong on real hosts: one host's failure is that host's, and every message names the fix."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.testbed import keys
from tasks.testbed.engine import ROOT
from tests.lab import hosts as helpers
from tests.lab.story import ok, raylet, sh, until


@pytest.fixture(scope="module")
def trio(fresh_hosts):
    return fresh_hosts(3, flavour="python")


@pytest.fixture(autouse=True)
def clean(trio, fab, hosts_file):
    """Nothing is deployed when a test begins; the environments' cache stays, so that each is quick."""
    yield
    for host in trio:
        sh(
            host,
            "exec 2>/dev/null; systemctl disable -q rayfab-test; systemctl kill -s KILL rayfab-test;"
            " systemctl stop rayfab-test; rm -rf /root/.rayfab/test /tmp/ray; true",
        )


def names_alive(said: dict) -> list[str]:
    return [n["name"] for n in said["nodes"] if n["alive"]]


@pytest.fixture(scope="module")
def known_hosts():
    """The list of host keys that OpenSSH finds by the user database, whatever $HOME says, and so do we."""
    known = Path(pwd.getpwuid(os.getuid()).pw_dir, ".ssh", "known_hosts")
    known.parent.mkdir(mode=0o700, exist_ok=True)
    before = known.read_text() if known.exists() else ""
    yield known
    known.write_text(before)
    known.with_name("known_hosts.old").unlink(missing_ok=True)


class Failed:
    """Four hosts that fail at the connection, each in its own way, beside a head and a worker that work."""

    def __init__(self, trio, works, another, folder, known):
        hosts = [*trio, another, works]
        self.names = [host.name for host in hosts]
        _, password, hangs, key, _ = hosts
        password.add_user("bob", password="right one", key=False)
        per_host = {
            password.name: {"user": "bob", "password": {"env": "BOB"}},
            hangs.name: {"connect_timeout": 5},
        }
        self.path = helpers.write_hosts_file(folder, hosts, per_host=per_host)
        lost = "- {host: 198.18.255.254, name: gone, connect_timeout: 3}\n"
        self.path.write_text(self.path.read_text() + lost)
        self.line = self.other_key_for(key, known)
        hangs.freeze()
        try:
            self.done = self.fab(folder, "deploy-cluster", "wr0ng-one")
            self.said = json.loads(self.fab(folder, "status", "wr0ng-one", "--json").stdout)
        finally:
            hangs.unfreeze()
        subprocess.run(["ssh-keygen", "-q", "-R", key.address, "-f", str(known)], capture_output=True)
        self.path.write_text(self.path.read_text().replace(lost, ""))
        self.again = self.fab(folder, "deploy-cluster", "right one")
        ok(self.fab(folder, "destroy", "right one", "--yes"))

    def fab(self, folder, task, password, *flags):
        return helpers.run_fab(folder / "home", task, *flags, hosts_file=self.path, env={"BOB": password})

    @staticmethod
    def other_key_for(host, known):
        """Writes another key for a host into known_hosts; the number of the line."""
        other = keys.login_key().with_suffix(".pub").read_text().split()
        # a right key that is known, too, would be accepted; ssh-keygen finds hashed names as well
        subprocess.run(["ssh-keygen", "-q", "-R", host.address, "-f", str(known)], capture_output=True)
        lines = known.read_text().splitlines() if known.exists() else []
        known.write_text("\n".join([*lines, f"{host.address} {other[0]} {other[1]}"]) + "\n")
        return len(lines) + 1


@pytest.fixture(scope="module")
def failed(trio, fresh_host, known_hosts, tmp_path_factory):
    return Failed(
        trio, fresh_host("python"), fresh_host("python"), tmp_path_factory.mktemp("failed"), known_hosts
    )


class TestHostsThatFailTogether:
    def test_leave_the_others_running(self, failed):
        assert failed.done.returncode == 1
        assert "2 of 6 hosts run" in failed.done.stdout
        assert names_alive(failed.said) == [failed.names[0], failed.names[-1]]
        assert not failed.said["healthy"]

    def test_one_that_is_unreachable_is_named(self, failed):
        assert re.search(r"gone +.*198\.18\.255\.254", failed.done.stdout)

    def test_one_that_hangs_is_named(self, failed):
        assert re.search(rf"{failed.names[2]} +.*(timed out|did not answer)", failed.done.stdout)

    def test_a_wrong_password_is_reported_and_never_shown(self, failed):
        assert "authentication failed for bob@" in failed.done.stdout
        assert "password" in failed.done.stdout
        for done in (failed.done, failed.again):
            assert "wr0ng-one" not in done.stdout + done.stderr
            assert "right one" not in done.stdout + done.stderr

    def test_a_changed_host_key_is_named_with_its_line(self, failed):
        assert re.search(r"host key of .* changed", failed.done.stdout)
        assert f"known_hosts:{failed.line}" in failed.done.stdout
        assert "ssh-keygen -R" in failed.done.stdout

    def test_the_next_run_finishes_the_rest(self, failed):
        assert "5 hosts run Ray" in ok(failed.again)


class TestOneHostFails:
    def test_that_cannot_install_or_not_start(self, trio, fab, hosts_file):
        """The one with a full disk, and the one whose ray start fails, with the log that says why."""
        path = hosts_file(trio, per_host={trio[2].name: {"ray": {"worker_args": ["--no-such-flag"]}}})
        sh(
            trio[1],
            "rm -rf /root/.rayfab; mkdir /root/.rayfab; mount -t tmpfs -o size=20m none /root/.rayfab",
        )
        try:
            done = fab("deploy-cluster", hosts_file=path)
            assert done.returncode == 1
            assert (
                "the disk is full" in done.stdout and "MB are needed in /root/.rayfab/.store" in done.stdout
            )
            assert "ray start failed twice" in done.stdout
            assert "No such option" in done.stdout
            assert "1 of 3 hosts run Ray" in done.stdout
            assert raylet(trio[2]) == ""
            assert raylet(trio[0]) != ""
        finally:
            sh(trio[1], "umount /root/.rayfab; rm -rf /root/.rayfab")
        # without the Internet it gets its packages from this machine
        trio[1].cut_internet()
        try:
            assert "2 hosts run Ray" in ok(fab("deploy-cluster", hosts_file=hosts_file(trio[:2])))
        finally:
            trio[1].restore_internet()


class TestFoundBeforeAnythingChanges:
    def test_versions_that_cannot_join(self, trio, fab, hosts_file, tmp_path):
        """No Python is on both, and the mirror has no build for either."""
        # a stand-in: facts ask an interpreter only for its version
        sh(trio[1], "mkdir -p /root/odd && mv /usr/bin/python3* /root/odd/")
        trio[1].write_file("/usr/local/bin/python3.12", "#!/bin/sh\necho Python 3.12.99\n", 0o755)
        (tmp_path / "builds").mkdir()
        path = hosts_file(trio[:2], settings={"mirrors": {"python": (tmp_path / "builds").as_uri()}})
        try:
            done = fab("deploy-cluster", hosts_file=path)
        finally:
            sh(trio[1], "mv /root/odd/* /usr/bin/; rmdir /root/odd; rm /usr/local/bin/python3.12")
        assert done.returncode == 1
        assert "there is no build of Python 3.1" in done.stdout and "mirrors.python" in done.stdout
        assert [raylet(h) for h in trio[:2]] == ["", ""]
        assert trio[1].exec("test -e /root/.rayfab/test/envs")[0] != 0

    def test_a_busy_port_is_named_and_its_owner_lives_on(self, trio, fab, hosts_file):
        sh(trio[0], "systemd-run -q --unit busy python3 -m http.server 6379")
        until(lambda: trio[0].exec("grep -q ':18EB ' /proc/net/tcp /proc/net/tcp6")[0] == 0, 10)
        try:
            done = fab("deploy-cluster", hosts_file=hosts_file(trio[:1]))
            assert done.returncode == 1
            assert "ports in use: 6379 (GCS)" in done.stdout
            assert sh(trio[0], "systemctl is-active busy") == "active"
        finally:
            sh(trio[0], "systemctl stop busy")

    def test_a_foreign_ray_is_named_and_lives_on(self, trio, fab, hosts_file):
        # a stand-in for somebody's Ray: facts know a raylet by its process's name
        sh(trio[0], "cp /bin/sleep /root/raylet && systemd-run -q --unit theirs /root/raylet 1000")
        try:
            done = fab("deploy-cluster", hosts_file=hosts_file(trio[:1]))
            assert done.returncode == 1
            assert "not started by this project" in done.stdout
            assert sh(trio[0], "systemctl is-active theirs") == "active"
        finally:
            sh(trio[0], "systemctl stop theirs; rm /root/raylet")

    def test_one_machine_under_two_names(self, trio, fab, hosts_file):
        path = hosts_file(trio[:1])
        path.write_text(
            path.read_text().replace("workers: []", f"workers:\n- {{host: root@{trio[0].address}, name: b}}")
        )
        done = fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 2
        assert "hosts.yml:" in done.stdout


class TestInterrupted:
    def test_says_what_was_done_and_the_next_run_repairs(self, trio, hosts_file, tmp_path, fab):
        path = hosts_file(trio[:2])
        env = {**os.environ, "HOME": str(tmp_path / "home"), "TERM": "dumb", "COLUMNS": "120"}
        (tmp_path / "home").mkdir(exist_ok=True)
        command = [sys.executable, "-m", "fabric", "deploy-cluster", "--hosts-file", str(path)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        until(lambda: trio[0].exec("test -e /root/.rayfab/test/start.sh")[0] == 0, 120, pause=0.2)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        out, _ = process.communicate(timeout=30)
        assert time.monotonic() - begun < 20
        assert process.returncode == 130, out
        assert "interrupted" in out
        assert "installed" in out
        assert "Traceback" not in out
        assert "2 hosts run Ray" in ok(fab("deploy-cluster", hosts_file=path))


def test_a_wrong_hosts_file_touches_nothing(tmp_path):
    path = tmp_path / "hosts.yml"
    path.write_text("head: {host: 10.0.0.1, prot: 22}\n")
    done = helpers.run_fab(tmp_path / "home", "deploy-cluster", hosts_file=path)
    assert done.returncode == 2
    assert "hosts.yml:1: head.prot: unknown key; did you mean port?" in done.stdout
