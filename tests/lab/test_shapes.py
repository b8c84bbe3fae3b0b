"""Hosts of every kind: jump hosts, odd ports, sudo passwords, talkative shells, users without rights."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from uv import find_uv_bin

from tests.lab import hosts as helpers
from tests.lab.remains import left_alone, snapshot
from tests.lab.story import ok, raylet, sh, status, until

PASSWORD = "pa ss$'w\"ord"


@pytest.fixture(scope="module")
def head(fresh_host):
    return fresh_host("python")


@pytest.fixture
def odd(fresh_host):
    return fresh_host("python")


def of_user(host, words: str) -> str:
    """What the manager of alice's own units says."""
    known = "XDG_RUNTIME_DIR=/run/user/$(id -u alice)"
    return host.exec(f"runuser -u alice -- env {known} systemctl --user {words}").out.strip()


class TestBehindAJumpHost:
    def test_on_port_2222_with_a_sudo_password(self, head, odd, fab, hosts_file):
        odd.add_user("ops", password=PASSWORD, sudo="password")
        odd.set_sshd(port=2222)
        per = {odd.name: {"user": "ops", "jump": f"root@{head.address}:22", "sudo_password": {"env": "OPS"}}}
        path = hosts_file([head, odd], per_host=per)
        out = ok(fab("deploy-cluster", hosts_file=path, env={"OPS": PASSWORD}))
        assert "2 hosts run Ray" in out
        assert PASSWORD not in out
        assert "User=ops" in sh(odd, "cat /etc/systemd/system/rayfab-test.service")
        # the connection came from the jump host, not from here
        assert f"from {head.address}" in sh(
            odd, "journalctl -u ssh --no-pager | grep 'Accepted publickey for ops'"
        )
        odd.reboot()
        until(lambda: status(fab, path, env={"OPS": PASSWORD})["healthy"], 120)
        wrong = fab("deploy-cluster", hosts_file=path, env={"OPS": "wrong"})
        assert wrong.returncode == 1
        assert "sudo rejects the password of ops" in wrong.stdout
        ok(fab("destroy", "--yes", hosts_file=path, env={"OPS": PASSWORD}))
        assert odd.exec("test -e /etc/systemd/system/rayfab-test.service")[0] != 0


class TestPlainUser:
    @pytest.mark.parametrize(
        "shell",
        [
            # the one whose language is not sh
            "/usr/bin/fish",
            pytest.param("/usr/bin/zsh", marks=pytest.mark.matrix),
            pytest.param("/bin/dash", marks=pytest.mark.matrix),
        ],
    )
    def test_with_a_talkative_shell_and_no_sudo(self, head, odd, fab, hosts_file, shell):
        odd.add_user("alice", shell=shell)
        odd.write_file("/home/alice/.zshenv", "echo 'good morning'; echo 'set -x' >&2\n")
        odd.write_file("/home/alice/.config/fish/config.fish", "echo 'good morning'\n")
        sh(odd, "chown -R alice:alice /home/alice")
        # a shell makes files of its own at the first login
        assert helpers.ssh(odd, "true", user="alice").returncode == 0
        before = snapshot(odd)
        path = hosts_file([head, odd], per_host={odd.name: {"user": "alice"}})
        out = ok(fab("deploy-cluster", hosts_file=path))
        assert "2 hosts run Ray" in out
        assert sh(odd, "cat /home/alice/.rayfab/test/service") == "user"
        odd.reboot()
        until(lambda: status(fab, path)["healthy"], 120)
        # a crash counts as one, until somebody stops the node
        sh(odd, "pkill -KILL -x raylet")
        until(lambda: of_user(odd, "show -P Result rayfab-test") == "exit-code", 20, pause=0.1)
        ok(fab("stop", hosts_file=path))
        assert of_user(odd, "is-system-running") == "running"
        ok(fab("destroy", "--yes", hosts_file=path))
        assert sh(odd, "find /home/alice /tmp -iname '*ray*'") == ""
        left_alone(odd, before)
        assert raylet(odd) == ""

    def test_without_a_user_manager_the_loop_keeps_ray_alive(self, head, odd, fab, hosts_file):
        odd.add_user("alice")
        sh(odd, "systemctl mask --now -q user@.service systemd-logind; true")
        path = hosts_file([head, odd], per_host={odd.name: {"user": "alice"}})
        ok(fab("deploy-cluster", hosts_file=path))
        assert sh(odd, "cat /home/alice/.rayfab/test/service") == "loop"
        before = raylet(odd)
        sh(odd, f"kill -9 {before.split()[0]}")
        until(lambda: raylet(odd) not in ("", before), 60)
        until(lambda: status(fab, path)["healthy"], 60)
        ok(fab("stop", hosts_file=path))
        assert raylet(odd) == ""
        ok(fab("destroy", "--yes", hosts_file=path))


class TestSeveralNetworks:
    def test_the_address_in_the_head_s_network_is_used(self, head, fresh_host, fab, hosts_file):
        two = fresh_host("python", networks=("second", "main"))
        path = hosts_file([head, two])
        ok(fab("deploy-cluster", hosts_file=path))
        shared = next(a for a in two.addresses if a.rsplit(".", 1)[0] == head.address.rsplit(".", 1)[0])
        nodes = {n["name"]: n for n in status(fab, path)["nodes"]}
        assert two.address != shared
        assert nodes[two.name]["node_ip"] == shared
        ok(fab("destroy", "--yes", hosts_file=path))


@pytest.mark.matrix  # the same steps as those of test_uv_packages.py and test_air_gap.py, with an index that lacks uv
class TestNoInternet:
    @pytest.fixture
    def mirror(self, head, tmp_path_factory):
        """A package index inside the lab, with real packages and without uv; its URL."""
        folder = tmp_path_factory.mktemp("mirror")
        uv = [
            find_uv_bin(),
            "pip",
            "compile",
            "-",
            "-q",
            "--no-header",
            "--no-annotate",
            "--python-version",
            "3.11.2",
        ]
        lock = subprocess.run(uv, input="ray[default]", capture_output=True, text=True, check=True).stdout
        (folder / "lock.txt").write_text(lock)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder / "wheels")]
        system = ["--python-version", "3.11", "--only-binary=:all:"]
        for level in ("2014_x86_64", "_2_17_x86_64", "_2_28_x86_64", "_2_34_x86_64"):
            system += ["--platform", f"manylinux{level}"]
        subprocess.run([*pip, *system, "-r", str(folder / "lock.txt")], check=True, capture_output=True)
        for wheel in (folder / "wheels").iterdir():
            name = re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
            (folder / "simple" / name).mkdir(parents=True, exist_ok=True)
            wheel.rename(folder / "simple" / name / wheel.name)
        head.copy_in(folder, "/srv/mirror")
        sh(head, "systemd-run -q --unit mirror python3 -m http.server 8000 --directory /srv/mirror")
        until(lambda: head.exec("grep -q ':1F40 ' /proc/net/tcp /proc/net/tcp6")[0] == 0, 20)
        return f"http://{head.address}:8000/simple"

    def test_uv_is_carried_and_packages_come_from_the_mirror(self, head, odd, mirror, fab, hosts_file):
        odd.cut_internet()
        path = hosts_file([head, odd], settings={"mirrors": {"pypi": mirror}})
        out = ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert "2 hosts run Ray" in out
        assert "the package index has no pip and no uv: the runtime_env of jobs" in out
        assert sh(odd, "ls /root/.rayfab/.uv/*") == "uv"
        assert "GET /simple/ray/" in sh(
            head, "journalctl -u mirror --no-pager | grep -F 'GET /simple/ray/' | tail -1"
        )
        ok(fab("destroy", "--yes", hosts_file=path))
