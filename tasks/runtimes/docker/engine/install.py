"""Installing Docker Engine on a Linux host that has none: one script for each kind of package manager."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.inventory import Host
from tasks.node.names import basics
from tasks.runtimes.docker.image.scripts import image_values
from tasks.script.script import Script, Value, render

DOCKER_URL = "https://download.docker.com/linux"
LOCK_SECONDS = 600  # the unattended upgrades of a host that was off for a long time take minutes
START_SECONDS = 60
KEYRINGS = {"debian": "debian-archive-keyring.gpg", "ubuntu": "ubuntu-archive-keyring.gpg"}
FRAGMENT = {"apt": "apt", "dnf": "dnf", "yum": "dnf", "zypper": "zypper", "pacman": "pacman"}


@dataclass(frozen=True)
class Engine:
    """How Docker Engine is installed on one host, and the command for installing it by hand.

    :param manager: apt | dnf | yum | zypper | pacman
    :param source: distro | docker-ce
    :param repo: folder of the distribution in Docker's repository, such as ``debian`` or ``centos``.
    :param suite: release in Docker's repository: a codename for apt, a number for rpm.
    :param archive: ``debian`` or ``ubuntu``: the archive that ``mirrors.apt`` mirrors; "" if it is neither.
    :param folder: name of that archive on a mirror of several archives: ``debian``, ``ubuntu`` or ``ubuntu-ports``.
    :param archive_suite: codename of the release in that archive.
    """

    manager: str
    source: str
    packages: tuple[str, ...]
    by_hand: str
    repo: str = ""
    suite: str = ""
    archive: str = ""
    folder: str = ""
    archive_suite: str = ""

    @property
    def what(self) -> str:
        """The package and its source, as shown to the user."""
        return f"{self.packages[0]} from " + (
            "Docker's repository" if self.source == "docker-ce" else "the distribution"
        )


def engine_script(host: Host, cluster: str, engine: Engine, *, sudo: bool = False) -> Script:
    """Installs the engine, starts it now and at every boot; its answer ends with the facts about Docker."""
    base = (host.mirrors.docker or DOCKER_URL).rstrip("/")
    values: dict[str, Value] = {
        **basics(cluster),
        **image_values(host),
        "PACKAGES": list(engine.packages),
        "NAMES": engine.packages[0],
        "BY_HAND": engine.by_hand,
        **_hints(engine, base),
        "LOCK_SECONDS": LOCK_SECONDS,
        "START_SECONDS": START_SECONDS,
        **{"apt": _apt, "dnf": _rpm, "yum": _rpm, "pacman": _pacman}.get(engine.manager, _none)(
            host, engine, base
        ),
    }
    return render(
        "install Docker",
        ("engine_install", "docker_info"),
        values,
        named=(f"engine_{FRAGMENT[engine.manager]}",),
        secrets=("RF_SUDO",) if sudo else (),
    )


def _hints(engine: Engine, base: str) -> dict[str, str]:
    if engine.source == "docker-ce":
        fetch = f"is {base} reachable from this host? mirrors.docker names a mirror"
        rival = "podman runc buildah" if engine.manager in ("dnf", "yum") else "docker.io containerd runc"
        remove = f"sudo {_command(engine.manager)} remove {rival}"
        conflict = f"if nothing else needs them: {remove}; or docker.install: distro"
        absent = f"is {base} a mirror of Docker's packages?"
    else:
        fetch = "are the package sources of this host reachable from it?"
        fetch += " mirrors.apt names a mirror" if engine.archive else ""
        conflict = f"check what conflicts: {engine.by_hand}"
        absent = "docker.install: docker-ce" if engine.manager == "apt" else f"by hand: {engine.by_hand}"
    return {"FETCH_HINT": fetch, "CONFLICT_HINT": conflict, "ABSENT_HINT": absent}


def _command(manager: str) -> str:
    return "apt-get" if manager == "apt" else manager


def _apt(host: Host, engine: Engine, base: str) -> dict[str, Value]:
    mirror = (host.mirrors.apt or "").rstrip("/") if engine.archive else ""
    suite = engine.archive_suite
    # Debian's security archive is in another place; Ubuntu's is part of the same archive
    suites = [suite, f"{suite}-updates", *([f"{suite}-security"] if engine.archive == "ubuntu" else [])]
    return {
        "SOURCE": engine.source,
        "REPO_URL": f"{base}/{engine.repo}",
        "SUITE": engine.suite,
        "MIRROR": mirror,
        "MIRROR_FOLDER": engine.folder,
        "MIRROR_SUITE": suite,
        "MIRROR_SUITES": " ".join(suites) if mirror else "",
        "MIRROR_PARTS": "main universe" if engine.archive == "ubuntu" else "main",
        "APT_HELPER": "/usr/lib/apt/apt-helper",
        "MIRROR_KEYRING": f"/usr/share/keyrings/{KEYRINGS[engine.archive]}" if engine.archive else "",
    }


def _rpm(host: Host, engine: Engine, base: str) -> dict[str, Value]:
    if engine.source != "docker-ce":
        return {"MANAGER": engine.manager, "REPO_TEXT": "", "REPO_FILE": ""}
    lines = [
        "# rayfab",
        "[docker-ce-stable]",
        "name=Docker CE Stable - $basearch",
        f"baseurl={base}/{engine.repo}/{engine.suite}/$basearch/stable",
        "enabled=1",
        "gpgcheck=1",
        f"gpgkey={base}/{engine.repo}/gpg",
    ]
    file = "/etc/yum.repos.d/docker-ce.repo"
    return {"MANAGER": engine.manager, "REPO_TEXT": "\n".join(lines), "REPO_FILE": file}


def _pacman(host: Host, engine: Engine, base: str) -> dict[str, Value]:
    return {"PACMAN_LIST": "/var/lib/pacman/sync/core.db"}


def _none(host: Host, engine: Engine, base: str) -> dict[str, Value]:
    return {}
