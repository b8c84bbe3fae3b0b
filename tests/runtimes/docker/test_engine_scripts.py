"""The scripts that install Docker Engine, run for real against stand-ins for package managers."""

from __future__ import annotations

import re

import pytest

from tasks.runtimes.docker.facts import after_install
from tasks.runtimes.facts import facts_script, parse_facts
from tests.runtimes.docker.engines import AFTER, MANAGER, RECORD, bare_host, install  # noqa: F401 (a fixture)
from tests.script import samples
from tests.script.shells import ask, only
from tests.script.standins import DOCKER


class TestEach:
    def test_fedora_has_its_own_and_the_command_apart(self, host):
        answer, told = install(host, "fedora")
        assert answer.ok, answer.error
        assert told == ["dnf -y install moby-engine", "dnf -y install docker-cli", *AFTER]

    def test_centos_takes_docker_s_repository(self, host):
        _, told = install(host, "centos")
        assert told[0] == "yum -y install docker-ce docker-ce-cli containerd.io"
        assert told[-2:] == AFTER
        assert (host.home / "repos/docker-ce.repo").read_text().splitlines() == [
            "# rayfab",
            "[docker-ce-stable]",
            "name=Docker CE Stable - $basearch",
            "baseurl=https://download.docker.com/linux/centos/9/$basearch/stable",
            "enabled=1",
            "gpgcheck=1",
            "gpgkey=https://download.docker.com/linux/centos/gpg",
        ]

    def test_through_a_mirror(self, host):
        text = samples.DOCKER + "mirrors: {docker: 'https://mirror.example/docker-ce/linux/'}\n"
        install(host, "fedora", text, install="docker-ce")
        written = (host.home / "repos/docker-ce.repo").read_text()
        assert "baseurl=https://mirror.example/docker-ce/linux/fedora/$releasever/$basearch/stable" in written
        assert "gpgkey=https://mirror.example/docker-ce/linux/fedora/gpg" in written

    def test_a_repository_that_the_host_has_is_left_as_it_is(self, host):
        (host.home / "repos").mkdir()
        file = host.home / "repos/docker-ce.repo"
        file.write_text("[docker-ce-stable]\nbaseurl=https://inside.example\n")
        before = file.read_text()
        assert install(host, "centos")[0].ok
        assert file.read_text() == before

    def test_zypper_installs_docker_on_opensuse(self, host):
        answer, told = install(host, "opensuse-leap")
        assert answer.ok, answer.error
        assert told == ["zypper --non-interactive install --no-recommends docker", *AFTER]

    def test_arch_with_package_lists(self, host):
        (host.home / "sync").mkdir()
        (host.home / "sync/core.db").write_text("")
        answer, told = install(host, "arch")
        assert answer.ok, answer.error
        assert told == ["pacman -S --needed --noconfirm docker", *AFTER]

    def test_arch_without_any(self, host):
        _, told = install(host, "arch")
        assert told[:2] == ["pacman -Sy --noconfirm", "pacman -S --needed --noconfirm docker"]

    def test_apt_installs_docker_and_apparmor_on_debian(self, host):
        (host.home / "apparmor").write_text("Y\n")
        answer, told = install(host, "debian")
        assert answer.ok, answer.error
        assert told[0].endswith("--force-confold update")
        words = told[1].split("--force-confold ")[1]
        assert (
            words
            == "install -y --no-remove --no-install-recommends apparmor docker.io iptables ca-certificates"
        )
        assert "DPkg::Lock::Timeout=600" in told[1]
        assert told[2:] == AFTER


class TestMirror:
    """apt-helper stands in for what a mirror holds; what apt-get is told names lists apart from the host's own."""

    HELPER = """
printf '%s\\n' "apt-helper $4 $5" >>"$HOME/manager.log"
case $4 in
    "$(cat "$HOME/mirror.holds")"/*) echo "Suite: stable" >"$5" ;;
    *) echo "E: Failed to fetch $4  404"; exit 100 ;;
esac
"""

    def ask(self, host, mirror, holds):
        host.has("apt-helper", self.HELPER)
        host.has("mktemp", 'mkdir "$HOME/lists"; echo "$HOME/lists"')
        keep = 'case "$*" in *" install "*) cp "$HOME/lists/sources.list" "$HOME/used" ;; esac'
        host.has("apt-get", MANAGER.replace("exit 0", "") + keep)
        (host.home / "mirror.holds").write_text(holds)
        return install(host, "debian", samples.DOCKER + f"mirrors: {{apt: '{mirror}'}}\n")

    @pytest.mark.parametrize("mirror", ["https://mirror.example/debian", "https://mirror.example/"])
    def test_one_archive_or_the_top_of_many(self, host, mirror):
        answer, told = self.ask(host, mirror, "https://mirror.example/debian")
        assert answer.ok, answer.error
        lines = (host.home / "used").read_text().split("\n")
        archive = "https://mirror.example/debian"
        assert [re.sub(r"\[.*\] ", "", line) for line in lines if line] == [
            f"deb {archive} bookworm main",
            f"deb {archive} bookworm-updates main",
        ]
        calls = [line for line in told if line.startswith("apt-get")]
        assert len(calls) == 2
        assert all(f"-o Dir::State::Lists={host.home}/lists/lists" in line for line in calls)
        assert not (host.home / "lists").exists()

    def test_one_that_has_neither(self, host):
        answer, told = self.ask(host, "https://mirror.example", "https://elsewhere")
        url = "https://mirror.example/debian/dists/bookworm/Release"
        assert answer.error == f"cannot fetch Docker's packages: E: Failed to fetch {url}  404"
        assert answer.hint.endswith("mirrors.apt names a mirror")
        assert not [line for line in told if line.startswith("apt-get")]
        assert not (host.home / "lists").exists()


WORKER = samples.host("worker", samples.DOCKER)


class TestFacts:
    """A PATH of its own, for the machine that runs the tests may well have Docker."""

    SCRIPT = only(facts_script(WORKER, "lab").text)

    def problem(self, host):
        host.has("docker", DOCKER)
        said = ask(self.SCRIPT, host.shell, host.home, path=str(host.bin))
        return parse_facts(WORKER, said.all, said.texts).own.problem

    def test_the_command_without_an_engine(self, host):
        host.flag("stopped", "alone")
        assert self.problem(host) == "missing"

    def test_an_engine_that_is_stopped(self, host):
        host.flag("stopped", "alone")
        host.has("dockerd", "exit 1")
        assert self.problem(host) == "stopped"

    def test_an_engine_elsewhere(self, host):
        """As Docker Desktop's, which the command knows by a context."""
        host.flag("stopped")
        assert self.problem(host) == "stopped"

    @pytest.mark.parametrize("called", ["podman version 5.4.0", "docker version 5.4.0"])
    def test_podman_is_recognised_by_an_answer_of_its_own(self, host, called):
        """As podman-docker does, and as a link named docker does."""
        text = f'if [ "$1" = --version ]; then echo "{called}"; else echo "Error: no such thing" >&2; exit 125; fi'
        host.has("docker", text)
        said = ask(self.SCRIPT, host.shell, host.home, path=str(host.bin))
        assert parse_facts(WORKER, said.all, said.texts).own.problem == "podman"


class TestAnswer:
    def test_ends_with_the_facts_about_docker(self, host):
        """They take the place of what the host had said before; docker is called through sudo for now."""
        host.flag("denied", "image")
        answer, _ = install(host, "opensuse-leap")
        before = samples.facts("docker", version=None, problem="missing", hostname="x")
        after = after_install(before, answer.all, answer.texts)
        assert (after.own.version, after.own.problem, after.own.image) == ("28.0.1", None, "sha256:abc")
        assert after.hostname == "x"
        assert not list(host.node.glob("engine*"))

    def test_without_systemd_the_engine_is_started_and_a_note_given(self, host):
        (host.home / "systemd").rmdir()
        host.has("service", RECORD)
        answer, told = install(host, "fedora")
        assert answer.ok, answer.error
        assert told[-2:] == ["service docker start", "usermod -aG docker alice"]
        assert (
            answer.values["note"] == "there is no systemd here: make sure that Docker's engine starts at boot"
        )

    def test_a_user_that_no_group_takes(self, host):
        """As one from LDAP."""
        host.has("usermod", "exit 6")
        answer, _ = install(host, "fedora")
        assert answer.ok
        assert (
            answer.values["note"]
            == "could not put alice into the group docker, so docker is called through sudo"
        )
