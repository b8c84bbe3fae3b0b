"""Where Docker Engine would come from, by what a system says of itself in its os-release; and where it cannot."""

from __future__ import annotations

import pytest

from tasks.runtimes.docker.engine.choice import NoEngine, engine_for, lacks_engine, remove_podman
from tasks.runtimes.docker.engine.install import Engine
from tests.script import samples

MANAGERS = {
    "apt": frozenset({"apt-get"}),
    "dnf": frozenset({"dnf", "yum"}),
    "yum": frozenset({"yum"}),
    "zypper": frozenset({"zypper"}),
    "pacman": frozenset({"pacman"}),
    "": frozenset(),
}


def subject(os_id, release, tools, install="auto", **more):
    host = samples.host("worker", samples.DOCKER)
    host = host.model_copy(update={"docker": host.docker.model_copy(update={"install": install})})
    known = {"os_id": os_id, "os_release": release, "tools": MANAGERS[tools], "problem": "missing"}
    return samples.subject(host_=host, **{**known, **more})


def codename(name, like="", **more):
    return {"VERSION_CODENAME": name, **({"ID_LIKE": like} if like else {}), **more}


# system -> os-release, package manager; from the distribution: package; from Docker: folder, release
APT = {
    "debian": (codename("bookworm"), "debian", "bookworm"),
    "ubuntu": (codename("noble", "debian", UBUNTU_CODENAME="noble"), "ubuntu", "noble"),
    "linuxmint": (codename("wilma", "ubuntu debian", UBUNTU_CODENAME="noble"), "ubuntu", "noble"),
    "lmde": (codename("faye", "debian", DEBIAN_CODENAME="bookworm"), "debian", "bookworm"),
    "kali": (codename("kali-rolling", "debian"), None, ""),
}
RPM = {
    "rocky": ({"ID_LIKE": "rhel centos fedora", "VERSION_ID": "9.4"}, "docker-ce", "centos", "9"),
    "almalinux": ({"ID_LIKE": "rhel centos fedora", "VERSION_ID": "8.10"}, "docker-ce", "centos", "8"),
    "rhel": ({"ID_LIKE": "fedora", "VERSION_ID": "9.4"}, "docker-ce", "rhel", "9"),
    "centos": ({"ID_LIKE": "rhel fedora", "VERSION_ID": "9"}, "docker-ce", "centos", "9"),
    "ol": ({"ID_LIKE": "fedora", "VERSION_ID": "9.4"}, "docker-ce", "centos", "9"),
    "fedora": ({"VERSION_ID": "42"}, "moby-engine", "fedora", "$releasever"),
    "nobara": ({"ID_LIKE": "rhel centos fedora", "VERSION_ID": "40"}, "docker-ce", "centos", "40"),
    "ultramarine": ({"ID_LIKE": "fedora", "VERSION_ID": "41"}, "moby-engine", "fedora", "$releasever"),
}


@pytest.mark.parametrize("os_id", APT)
def test_an_apt_system_gets_docker_from_its_own_or_docker_s_packages(os_id):
    release, archive, suite = APT[os_id]
    own = engine_for(subject(os_id, release, "apt"))
    assert (own.manager, own.source, own.packages[0]) == ("apt", "distro", "docker.io")
    assert (own.archive or None, own.archive_suite) == (archive, suite)
    assert engine_for(subject(os_id, release, "apt", "distro")) == own
    theirs = engine_for(subject(os_id, release, "apt", "docker-ce"))
    if archive is None:
        assert theirs == NoEngine(f"Docker makes no packages for {os_id}", "docker.install: distro")
    else:
        assert (theirs.packages, theirs.repo, theirs.suite) == (
            ("docker-ce", "docker-ce-cli", "containerd.io"),
            archive,
            suite,
        )


def test_ubuntu_keeps_other_processors_packages_apart():
    release = APT["ubuntu"][0]
    assert engine_for(subject("ubuntu", release, "apt")).folder == "ubuntu"
    assert engine_for(subject("ubuntu", release, "apt", arch="aarch64")).folder == "ubuntu-ports"
    assert engine_for(subject("debian", APT["debian"][0], "apt", arch="aarch64")).folder == "debian"


@pytest.mark.parametrize("os_id", RPM)
def test_an_rpm_system_gets_docker_from_its_own_or_docker_s_packages(os_id):
    release, package, repo, suite = RPM[os_id]
    auto = engine_for(subject(os_id, release, "dnf"))
    assert (auto.manager, auto.packages[0]) == ("dnf", package)
    assert engine_for(subject(os_id, release, "yum")).manager == "yum"
    theirs = engine_for(subject(os_id, release, "dnf", "docker-ce"))
    assert (theirs.source, theirs.repo, theirs.suite) == ("docker-ce", repo, suite)
    if package == "docker-ce":
        assert engine_for(subject(os_id, release, "dnf", "distro")) == NoEngine(
            f"{os_id} has Podman, but no Docker", "docker.install: docker-ce"
        )
        assert f"/linux/{repo}/docker-ce.repo && sudo dnf install docker-ce" in auto.by_hand


@pytest.mark.parametrize(
    ("os_id", "release", "manager", "by_hand"),
    [
        ("opensuse-tumbleweed", {"ID_LIKE": "opensuse suse"}, "zypper", "sudo zypper install docker"),
        (
            "sles",
            {"ID_LIKE": "suse", "VERSION_ID": "15.6"},
            "zypper",
            "sudo SUSEConnect -p sle-module-containers/15.6/x86_64 && sudo zypper install docker",
        ),
        ("arch", {}, "pacman", "sudo pacman -Syu docker"),
        ("manjaro", {"ID_LIKE": "arch"}, "pacman", "sudo pacman -Syu docker"),
        ("amzn", {"ID_LIKE": "fedora", "VERSION_ID": "2023"}, "dnf", "sudo dnf install docker"),
    ],
)
def test_those_that_docker_makes_no_packages_for(os_id, release, manager, by_hand):
    assert engine_for(subject(os_id, release, manager)) == Engine(
        manager, "distro", ("docker",), f"{by_hand} && sudo systemctl enable --now docker"
    )
    none = engine_for(subject(os_id, release, manager, "docker-ce"))
    assert none == NoEngine(f"Docker makes no packages for {os_id}", "docker.install: distro")


@pytest.mark.parametrize(
    ("os_id", "release", "tools", "name", "hint"),
    [
        (
            "alpine",
            {"PRETTY_NAME": "Alpine Linux v3.20"},
            "",
            "Alpine Linux v3.20",
            "as root: apk add docker && rc-update add docker && service docker start",
        ),
        (
            "nixos",
            {"PRETTY_NAME": "NixOS 24.05"},
            "",
            "NixOS 24.05",
            "as root: virtualisation.docker.enable = true; in /etc/nixos/configuration.nix, then nixos-rebuild switch",
        ),
        (
            "opensuse-microos",
            {"ID_LIKE": "suse opensuse"},
            "zypper",
            "opensuse-microos",
            "as root: transactional-update pkg install docker && reboot, then systemctl enable --now docker",
        ),
        ("fedora", {}, "", "fedora", "by hand, as in https://docs.docker.com/engine/install"),
        ("", {}, "apt", "Linux", "by hand, as in https://docs.docker.com/engine/install"),
    ],
)
def test_systems_that_this_tool_does_not_know(os_id, release, tools, name, hint):
    found = engine_for(subject(os_id, release, tools))
    assert found == NoEngine(f"this tool cannot install it on {name}", hint)


class TestWhoMay:
    DEBIAN = ("debian", codename("bookworm"), "apt")

    @pytest.mark.parametrize("sudo", ["nopasswd", "password"])
    def test_a_user_with_sudo(self, sudo):
        assert isinstance(engine_for(subject(*self.DEBIAN, uid=1000, user="me", sudo=sudo)), Engine)

    def test_a_user_whose_password_is_not_known(self):
        assert engine_for(subject(*self.DEBIAN, uid=1000, user="me", sudo="needs-password")) == NoEngine(
            "me may not use sudo without a password",
            "sudo_password in the hosts file; or as root: apt-get install docker.io && usermod -aG docker me",
        )

    def test_a_user_without_sudo(self):
        assert engine_for(subject(*self.DEBIAN, uid=1000, user="me", sudo=None)) == NoEngine(
            "me is not root, and there is no sudo here",
            "as root: apt-get install docker.io && usermod -aG docker me",
        )

    def test_install_none_means_no_engine(self):
        found = engine_for(subject(*self.DEBIAN, "none"))
        assert found == NoEngine(
            "docker.install is none", "by hand: sudo apt-get install docker.io; or docker.install: auto"
        )


def test_only_hosts_that_run_a_container_lack_it():
    assert lacks_engine(subject("debian", {}, "apt"))
    assert not lacks_engine(subject("debian", {}, "apt", problem="stopped"))
    assert not lacks_engine(samples.subject(problem="missing"))
    assert not lacks_engine(subject("", {}, "", system="Darwin"))


@pytest.mark.parametrize(
    ("os_id", "tools", "command"),
    [
        ("debian", "apt", "sudo apt-get remove podman-docker"),
        ("rocky", "dnf", "sudo dnf remove podman-docker"),
        ("opensuse-leap", "zypper", "sudo zypper remove podman-docker"),
        ("arch", "pacman", "sudo pacman -R podman-docker"),
        ("alpine", "", "remove it"),
    ],
)
def test_how_podman_s_command_goes(os_id, tools, command):
    assert remove_podman(subject(os_id, {}, tools).facts) == command
