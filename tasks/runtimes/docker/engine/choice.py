"""How a missing Docker Engine is installed on a host, or why this tool cannot do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.node import sudo
from tasks.node.facts import Facts
from tasks.node.platforms import X86, machine
from tasks.node.subject import Subject
from tasks.runtimes.docker.engine.install import DOCKER_URL, Engine
from tasks.runtimes.docker.facts import docker_of

CE = ("docker-ce", "docker-ce-cli", "containerd.io")
RHEL = ("rhel", "centos", "rocky", "almalinux", "ol")
SUSE = ("suse", "opensuse", "sles")
# immutable systems: their package manager refuses to install into the running system
IMMUTABLE = ("opensuse-microos", "opensuse-leap-micro", "sle-micro", "sl-micro")
DEBIANS = ("bullseye", "bookworm", "trixie", "forky")
ELSEWHERE = "by hand, as in https://docs.docker.com/engine/install"
GET = "curl -fsSL https://get.docker.com | sudo sh"
ENABLE = "systemctl enable --now docker"
# systems that this tool knows but does not install on: the commands for their users
OTHERS = {
    "alpine": "apk add docker && rc-update add docker && service docker start",
    "nixos": "virtualisation.docker.enable = true; in /etc/nixos/configuration.nix, then nixos-rebuild switch",
    "void": "xbps-install -S docker && ln -s /etc/sv/docker /var/service",
    "gentoo": "emerge app-containers/docker app-containers/docker-cli",
    "openEuler": f"dnf install docker && {ENABLE}",
    **dict.fromkeys(IMMUTABLE, f"transactional-update pkg install docker && reboot, then {ENABLE}"),
}


@dataclass(frozen=True)
class NoEngine:
    """Why Docker cannot be installed here, as the end of a sentence, and the fix."""

    why: str
    hint: str


def lacks_engine(subject: Subject) -> bool:
    """Whether this Linux host should run a container, but has no Docker yet."""
    return subject.facts.system == "Linux" and docker_of(subject.facts).problem == "missing"


def engine_for(subject: Subject) -> Engine | NoEngine:
    """The engine that would be installed on a host without Docker."""
    facts, wanted = subject.facts, subject.host.docker.install
    found = _choose(facts, wanted)
    if isinstance(found, NoEngine):
        return found
    if wanted == "none":
        return NoEngine("docker.install is none", f"by hand: {found.by_hand}; or docker.install: auto")
    if not facts.can_root:
        group = f" && usermod -aG docker {facts.user}"
        as_root = found.by_hand.replace("sudo ", "") + group
        if facts.sudo is None:
            return NoEngine(f"{facts.user} is not root, and there is no sudo here", f"as root: {as_root}")
        why, way = sudo.refusal(facts) or ("sudo does not work", "try on that host: sudo -k true")
        return NoEngine(why, f"{way}; or as root: {as_root}")
    return found


def name_of(facts: Facts) -> str:
    """The system as people call it."""
    return facts.os_release.get("PRETTY_NAME") or facts.os_id or facts.system


def remove_podman(facts: Facts) -> str:
    """The command that removes Podman's docker command."""
    found = _choose(facts, "auto")
    verbs = {"apt": "apt-get remove", "zypper": "zypper remove", "pacman": "pacman -R"}
    if isinstance(found, NoEngine):
        return "remove it"
    return f"sudo {verbs.get(found.manager, found.manager + ' remove')} podman-docker"


def _choose(facts: Facts, wanted: str) -> Engine | NoEngine:
    ids = (facts.os_id, *facts.os_release.get("ID_LIKE", "").split())
    tools = facts.tools
    if facts.os_id in OTHERS:
        return _unknown(facts)
    if "apt-get" in tools and {"debian", "ubuntu"} & set(ids):
        return _apt(facts, wanted)
    rpm = next((tool for tool in ("dnf", "yum") if tool in tools), None)
    if rpm and {"fedora", *RHEL, "amzn"} & set(ids):
        return _rpm(facts, ids, wanted, rpm)
    if "zypper" in tools and any(i.startswith(SUSE) for i in ids):
        return _own(facts, wanted, "zypper", ("docker",), f"{_suse_module(facts)}sudo zypper install docker")
    if "pacman" in tools and {"arch", "archarm", "manjaro"} & set(ids):
        # with an upgrade, since Arch Linux does not support partial upgrades
        return _own(facts, wanted, "pacman", ("docker",), "sudo pacman -Syu docker")
    return _unknown(facts)


def _own(facts: Facts, wanted: str, manager: str, packages: tuple[str, ...], by_hand: str):
    """The engine of a distribution for which Docker itself makes no packages."""
    if wanted == "docker-ce":
        return NoEngine(f"Docker makes no packages for {name_of(facts)}", "docker.install: distro")
    return Engine(manager, "distro", packages, f"{by_hand} && sudo {ENABLE}")


def _apt(facts: Facts, wanted: str) -> Engine | NoEngine:
    archive, codename = _archive(facts)
    # only Ubuntu has a separate archive for architectures other than x86_64
    folder = "ubuntu-ports" if archive == "ubuntu" and machine(facts.arch) != X86 else archive
    mirrored = {"archive": archive, "folder": folder, "archive_suite": codename}
    by_hand = "sudo apt-get install docker.io"
    if wanted != "docker-ce":
        packages = ("docker.io", "iptables", "ca-certificates")
        return Engine("apt", "distro", packages, by_hand, **mirrored)
    repo = "ubuntu" if archive == "ubuntu" else "debian"
    if not codename:
        return NoEngine(f"Docker makes no packages for {name_of(facts)}", "docker.install: distro")
    return Engine("apt", "docker-ce", CE, GET, repo, codename, **mirrored)


def _archive(facts: Facts) -> tuple[str, str]:
    """The distribution whose archive a system uses, and the release; ("", "") if it has its own archive.

    A derivative may name the release of Ubuntu or Debian on which it is based.
    """
    os: Mapping[str, str] = facts.os_release
    own = os.get("VERSION_CODENAME", "")
    if os.get("UBUNTU_CODENAME") or facts.os_id == "ubuntu":
        return "ubuntu", os.get("UBUNTU_CODENAME") or own
    codename = os.get("DEBIAN_CODENAME") or own
    if facts.os_id == "debian" or codename in DEBIANS:
        return ("debian", codename) if codename else ("", "")
    return "", ""


def _rpm(facts: Facts, ids: tuple[str, ...], wanted: str, manager: str) -> Engine | NoEngine:
    if facts.os_id == "amzn":
        return _own(facts, wanted, manager, ("docker",), f"sudo {manager} install docker")
    rhel = set(RHEL) & set(ids)
    if not rhel and wanted != "docker-ce":
        by_hand = f"sudo {manager} install moby-engine"
        return _own(facts, wanted, manager, ("moby-engine",), by_hand)
    if wanted == "distro":
        return NoEngine(f"{name_of(facts)} has Podman, but no Docker", "docker.install: docker-ce")
    repo = "rhel" if facts.os_id == "rhel" else "centos" if rhel else "fedora"
    # Fedora's own variable follows its upgrades; for the others Docker has folders for major releases only
    suite = facts.os_release.get("VERSION_ID", "").split(".")[0] if rhel else "$releasever"
    file = f"{DOCKER_URL}/{repo}/docker-ce.repo"
    by_hand = f"sudo curl -fsSLo /etc/yum.repos.d/docker-ce.repo {file} && sudo {manager} install docker-ce"
    return Engine(manager, "docker-ce", CE, f"{by_hand} && sudo {ENABLE}", repo, suite)


def _suse_module(facts: Facts) -> str:
    if facts.os_id.startswith("opensuse"):
        return ""
    module = f"sle-module-containers/{facts.os_release.get('VERSION_ID', '')}/{facts.arch}"
    return f"sudo SUSEConnect -p {module} && "


def _unknown(facts: Facts) -> NoEngine:
    hint = f"as root: {OTHERS[facts.os_id]}" if facts.os_id in OTHERS else ELSEWHERE
    return NoEngine(f"this tool cannot install it on {name_of(facts)}", hint)
