"""The lab's hosts are machines: what the other lab tests take for granted."""

from __future__ import annotations

import socket
import subprocess

import pytest

from tasks.testbed import keys
from tasks.testbed.engine import LabError, listed
from tasks.testbed.lab import Lab
from tasks.testbed.ray_image import find_uv
from tests.lab.hosts import ssh

# looks up the name of the archive that the host installs packages from
RESOLVE = r"""
name=$(sed -n 's,^deb http[s]*://\([^/ ]*\).*,\1,p' /etc/apt/sources.list | head -n 1)
RES_OPTIONS='timeout:2 attempts:2' getent ahostsv4 "$name"
"""


@pytest.fixture(scope="module")
def host(fresh_host):
    return fresh_host()


@pytest.fixture(scope="module")
def bare(fresh_host):
    return fresh_host("bare")


class TestHost:
    def test_is_a_machine_with_systemd_python_and_docker(self, host):
        script = (
            "cat /proc/1/comm; systemctl is-system-running --wait; python3 -V; docker info -f {{.Driver}}"
        )
        init, state, python, driver = ssh(host, script).stdout.splitlines()
        assert (init, state, python[:11], driver) == ("systemd", "running", "Python 3.11", "overlay2")

    def test_uv_reaches_the_package_index_in_a_plain_session(self, host):
        host.add_user("installer")
        host.copy_in(find_uv(), "/usr/local/bin/uv")
        install = (
            "uv -q venv env && uv -q pip install --python env/bin/python six && ls env/lib/*/site-packages"
        )
        answer = ssh(host, install, user="installer")
        assert "six.py" in answer.stdout.split(), answer.stderr

    def test_bare_one_has_no_python_and_no_downloader(self, bare):
        answer = ssh(
            bare, "for p in python3 curl wget docker; do command -v $p && echo found; done; echo end"
        )
        assert answer.stdout == "end\n"


class TestEvents:
    def test_a_reboot_keeps_the_disk_and_nothing_else(self, host):
        host.write_file("/var/lib/kept", "x")
        host.write_file("/run/lost", "x")
        host.reboot()
        assert ssh(host, "ls /var/lib/kept /run/lost").stdout == "/var/lib/kept\n"

    def test_after_a_power_cut_the_host_is_gone_until_started(self, host):
        host.stop()
        with pytest.raises(OSError):
            socket.create_connection((host.address, 22), timeout=2)
        host.start()
        state = ssh(host, "systemctl is-system-running --wait; docker info -f {{.Driver}}").stdout
        assert state == "running\noverlay2\n"

    def test_a_frozen_host_takes_the_connection_and_stays_silent(self, host):
        host.freeze()
        try:
            with socket.create_connection((host.address, 22), timeout=2) as wire:
                wire.settimeout(1)
                with pytest.raises(TimeoutError):
                    wire.recv(1)
        finally:
            host.unfreeze()
        assert ssh(host, "echo back").stdout == "back\n"

    def test_without_internet_only_the_lab_is_reached(self, host, bare):
        assert host.exec(RESOLVE).rc == 0
        host.cut_internet()
        try:
            assert host.exec(RESOLVE).rc != 0
            assert host.exec(["ping", "-c1", "-W2", bare.address]).rc == 0
        finally:
            host.restore_internet()
        assert host.exec(RESOLVE).rc == 0

    def test_sshd_moves_to_another_port(self, bare):
        bare.set_sshd(port=2222, extra="MaxSessions 3")
        assert ssh(bare, "sshd -T | grep -E '^(port|maxsessions)'").stdout == "port 2222\nmaxsessions 3\n"
        bare.set_sshd()


class TestUsers:
    @pytest.mark.parametrize(
        ("sudo", "without", "with_password"), [("none", 1, 1), ("password", 1, 0), ("nopasswd", 0, 0)]
    )
    def test_sudo_is_as_asked_for(self, host, sudo, without, with_password):
        name = f"user-{sudo}"
        host.add_user(name, password="open sesame", sudo=sudo)
        assert ssh(host, "sudo -n true", user=name).returncode == without
        assert ssh(host, "echo open sesame | sudo -S -k true", user=name).returncode == with_password

    @pytest.mark.parametrize("shell", ["/usr/bin/zsh", "/usr/bin/fish"])
    def test_login_shell_is_as_asked_for(self, host, shell):
        name = shell.rsplit("/", 1)[1] + "-user"
        host.add_user(name, shell=shell)
        assert ssh(host, "echo $SHELL", user=name).stdout == f"{shell}\n"

    def test_a_plain_user_may_run_services_that_outlive_the_session(self, host):
        host.add_user("plain")
        begin = "loginctl enable-linger && systemd-run --user --unit=lasting sleep 1000"
        assert ssh(host, begin, user="plain").returncode == 0
        assert ssh(host, "systemctl --user is-active lasting", user="plain").stdout == "active\n"


class TestNetworks:
    def test_a_host_on_two_networks_is_reached_on_both(self, lab, fresh_host):
        both = fresh_host("bare", ("main", "other"))
        inner = fresh_host("bare", ("other",))
        main = fresh_host("bare")
        assert both.exec(["ping", "-c1", "-W2", main.address]).rc == 0
        assert inner.exec(["ping", "-c1", "-W2", both.addresses[1]]).rc == 0
        assert inner.exec(["ping", "-c1", "-W1", main.address]).rc != 0


class TestLab:
    @pytest.fixture
    def small(self, lab):
        small = Lab(lab.name + "-up", str(lab.subnet).replace("198.18", "198.19"))
        yield small
        small.down()

    def test_up_again_repairs_and_changes_nothing_else(self, small):
        first, second = small.up(2, "bare")
        first.write_file("/var/lib/mine", "x")
        second.stop()
        again = small.up(2, "bare")
        assert [host.address for host in again] == [first.address, second.address]
        assert again[0].exec("cat /var/lib/mine").out == "x"
        assert all(host.up for host in again)

    def test_another_flavour_is_refused(self, small):
        small.up(1, "bare")
        with pytest.raises(LabError, match="is of flavour bare, not python"):
            small.up(1, "python")

    def test_a_rebuilt_host_has_the_same_host_key(self, small):
        (old,) = small.up(1, "bare")
        key = old.must("cat /etc/ssh/ssh_host_ed25519_key.pub")
        small.down()
        (new,) = small.up(1, "bare")
        assert new.must("cat /etc/ssh/ssh_host_ed25519_key.pub") == key
        assert ssh(new, "true").returncode == 0

    def test_down_leaves_nothing(self, small):
        small.up(2, "bare")[1].freeze()
        assert small.down() == 2
        assert [listed(kind, small.name) for kind in ("container", "volume", "network")] == [[], [], []]


class TestRegistry:
    def test_hosts_pull_ray_from_it(self, lab, fresh_host):
        lab.start_registry()
        host = fresh_host()
        host.cut_internet()
        said = host.must("docker run --rm rayproject/ray-ml sh -c 'id -un; ray --version'", timeout=600)
        assert said.splitlines()[-2:] == ["ray", "ray, version 2.60.0"]


class TestForget:
    """The user's known_hosts loses the lab's own lines and no other."""

    @pytest.fixture
    def line(self, tmp_path, monkeypatch):
        monkeypatch.setattr(keys, "LAB_DIR", tmp_path)
        folder = tmp_path / "host_keys"
        folder.mkdir()
        (folder / "198.18.10.1").write_text("private")
        (folder / "198.18.10.1.pub").write_text("ssh-ed25519 OURS 198.18.10.1\n")
        return tmp_path / "known"

    @pytest.mark.parametrize(
        ("text", "removed"),
        [
            ("198.18.10.1 ssh-ed25519 OURS\n", 1),
            ("[198.18.10.1]:2222 ssh-ed25519 OURS\n", 1),
            ("|1|salt|hash ssh-ed25519 OURS comment\n", 1),
            ("198.18.10.1 ssh-ed25519 OTHER\n", 0),
            ("198.18.10.11 ssh-ed25519 OURS\n", 0),
            ("198.18.10.1,mine.example ssh-ed25519 OURS\n", 0),
            ("# 198.18.10.1 ssh-ed25519\n\n", 0),
        ],
    )
    def test_by_key_and_exact_address(self, line, text, removed):
        line.write_text("before ssh-ed25519 A\n" + text + "after ssh-ed25519 B\n")
        assert keys.forget(["198.18.10.1", "198.18.10.2"], line) == removed
        kept = "" if removed else text
        assert line.read_text() == "before ssh-ed25519 A\n" + kept + "after ssh-ed25519 B\n"


class TestSupersede:
    """A host at an address whose earlier host had another key, kept by nobody, is no impostor."""

    @pytest.fixture
    def known(self, tmp_path):
        # keys as a lab that is gone has left them, written by OpenSSH itself where they are hashed
        def blob(name):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
            return " ".join((tmp_path / f"{name}.pub").read_text().split()[:2])

        other = blob("other")
        mine = " ".join(keys.public(keys.host_key("198.18.250.1")).split()[:2])
        path = tmp_path / "known"
        path.write_text(f"198.18.250.1 {other}\n[198.18.250.1]:2222 {other}\n")
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", path], check=True, capture_output=True)
        stays = [f"198.18.250.1,my.example {other}", f"198.18.250.* {other}", f"198.18.250.1 {mine}"]
        stays += [f"198.18.250.11 {other}", f"@revoked 198.18.250.1 {other}", "# 198.18.250.1"]
        path.write_text(path.read_text() + "\n".join([f"198.18.250.1 {other}", *stays]) + "\n")
        return path, stays

    def test_by_exact_address(self, known):
        path, stays = known
        assert keys.supersede("198.18.250.1", path) == 3
        assert path.read_text().splitlines() == stays
        assert keys.supersede("198.18.250.1", path) == 0

    def test_where_none_is_known(self, tmp_path):
        assert keys.supersede("198.18.250.1", tmp_path / "none") == 0
