"""A host that lacks Docker Engine: stand-ins for package managers, and the script that installs it, run for real."""

from __future__ import annotations

import pytest

from tasks.runtimes.docker.engine.choice import engine_for
from tasks.runtimes.docker.engine.install import Engine, engine_script
from tests.script import samples
from tests.script.shells import SHELLS, ask, only, tool
from tests.script.standins import DOCKER, ID, SUDO, Host

PASSWORD = "it's $(secret)"
TOOLS = "true sed awk grep uname date tr cat tail head mkdir rm mv cp chmod env dirname readlink df nproc tee"

# what any of the package managers does here: prints what the test prepared, and installs a docker
MANAGER = """
printf '%s\\n' "${0##*/} $*" >>"$HOME/manager.log"
if [ -s "$HOME/manager.says" ]; then
    cat "$HOME/manager.says"
    [ ! -e "$HOME/manager.once" ] || rm "$HOME/manager.says"
    exit 1
fi
case "$*" in
    *docker-cli* | *docker.io* | *" docker") cp "$HOME/docker.program" "${0%/*}/docker" ;;
esac
exit 0
"""
RECORD = 'printf "%s\\n" "${0##*/} $*" >>"$HOME/manager.log"'

OS = {
    "fedora": {"VERSION_ID": "42"},
    "centos": {"VERSION_ID": "9", "ID_LIKE": "rhel fedora"},
    "opensuse-leap": {"VERSION_ID": "15.6", "ID_LIKE": "suse opensuse"},
    "arch": {},
    "debian": {"VERSION_ID": "12", "VERSION_CODENAME": "bookworm"},
}
COMMANDS = {
    "fedora": "dnf",
    "centos": "yum",
    "opensuse-leap": "zypper",
    "arch": "pacman",
    "debian": "apt-get",
}


@pytest.fixture(params=SHELLS, name="host")
def bare_host(request, tmp_path):
    """A host of the user alice, who has a sudo password; nothing of this machine's but plain tools is on its PATH."""
    made = Host(request.param, tmp_path)
    for name, text in (("id", ID), ("sudo", SUDO), ("usermod", RECORD), ("systemctl", RECORD)):
        made.has(name, text)
    made.has("sleep", f'case $1 in 0.?) set -- 0.02 ;; esac; exec {tool("sleep")} "$@"')
    made.has("sh", f'exec {tool("dash")} "$@"')
    for name in TOOLS.split():
        (made.bin / name).symlink_to(tool(name))
    made.has("docker", DOCKER)
    (made.bin / "docker").rename(made.home / "docker.program")
    (made.home / "password").write_text(PASSWORD)
    (made.home / "systemd").mkdir()
    return made


def install(host, os_id: str, text: str = samples.DOCKER, *, lock_seconds: int = 600, **docker):
    """Installs as on that system; the answer, and what package managers and systemctl were told."""
    command = COMMANDS[os_id]
    if not (host.bin / command).exists():
        host.has(command, MANAGER)
    node = samples.host("worker", text)
    node = node.model_copy(update={"docker": node.docker.model_copy(update=docker)})
    facts = {"os_id": os_id, "os_release": OS[os_id], "tools": frozenset({command}), "sudo": "password"}
    of = samples.subject(host_=node, problem="missing", user="alice", uid=1000, **facts)
    engine = engine_for(of)
    assert isinstance(engine, Engine), engine
    text = only(engine_script(node, "lab", engine, sudo=True).text)
    # the only places of the system that are looked at or written to
    for there, here in {
        "/run/systemd/system": "systemd",
        "/etc/yum.repos.d": "repos",
        "/var/lib/pacman/sync": "sync",
        "/sys/module/apparmor/parameters/enabled": "apparmor",
        "APT_HELPER=/usr/lib/apt/apt-helper": f"APT_HELPER={host.bin}/apt-helper",
        "LOCK_SECONDS=600": f"LOCK_SECONDS={lock_seconds}",
        "START_SECONDS=60": "START_SECONDS=1",
    }.items():
        text = text.replace(there, here if "=" in there else f"{host.home}/{here}")
    answer = ask(text, host.shell, host.home, path=str(host.bin), secrets={"RF_SUDO": PASSWORD})
    for name in ("sudo", "manager", "docker"):
        assert not [line for line in host.log(name) if "secret" in line]
    return answer, host.log("manager")


AFTER = ["systemctl enable --now docker.service", "usermod -aG docker alice"]
