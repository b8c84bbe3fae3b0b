"""The scripts that install Docker Engine, run for real against stand-ins for package managers."""

from __future__ import annotations

import re

import pytest

from tasks.plan.engine import engine_for
from tasks.render.engine import Engine, engine_script
from tasks.render.facts import facts_script, parse_facts, with_docker
from tests.render import samples
from tests.render.shells import SHELLS, ask, only, tool
from tests.render.standins import DOCKER, ID, SUDO, Host

PASSWORD = "it's $(secret)"
TOOLS = "true sed awk grep uname date tr cat tail head mkdir rm mv cp chmod env dirname readlink df nproc tee"

# what any of the package managers does here: says what it was told to say, and brings a docker
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


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    """A host of the user alice, who has a sudo password; nothing of this machine's but plain tools is on its PATH."""
    made = Host(request.param, tmp_path)
    for name, text in (("id", ID), ("sudo", SUDO), ("usermod", RECORD), ("systemctl", RECORD)):
        made.has(name, text)
    made.has("sleep", f"exec {tool('sleep')} 0.02")
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
    of = samples.subject(host_=node, docker_problem="missing", user="alice", uid=1000, **facts)
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

    def test_opensuse(self, host):
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

    def test_debian(self, host):
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


class TestFacts:
    """A PATH of its own, for the machine that runs the tests may well have Docker."""

    SCRIPT = only(facts_script(samples.host("worker", samples.DOCKER), "lab").text)

    def problem(self, host):
        host.has("docker", DOCKER)
        said = ask(self.SCRIPT, host.shell, host.home, path=str(host.bin))
        return parse_facts(said.all, said.texts).docker_problem

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
    def test_podman_that_answers_in_words_of_its_own(self, host, called):
        """As podman-docker does, and as a link named docker does."""
        text = f'if [ "$1" = --version ]; then echo "{called}"; else echo "Error: no such thing" >&2; exit 125; fi'
        host.has("docker", text)
        said = ask(self.SCRIPT, host.shell, host.home, path=str(host.bin))
        assert parse_facts(said.all, said.texts).docker_problem == "podman"


class TestAnswer:
    def test_ends_with_the_facts_about_docker(self, host):
        """They take the place of what the host had said before; docker is called through sudo for now."""
        host.flag("denied", "image")
        answer, _ = install(host, "opensuse-leap")
        before = samples.facts(docker=None, docker_problem="missing", hostname="x")
        after = with_docker(before, answer.all, answer.texts)
        assert (after.docker, after.docker_problem, after.image) == ("28.0.1", None, "sha256:abc")
        assert after.hostname == "x"
        assert not list(host.node.glob("engine*"))

    def test_without_systemd(self, host):
        (host.home / "systemd").rmdir()
        host.has("service", RECORD)
        answer, told = install(host, "fedora")
        assert answer.ok, answer.error
        assert told[-2:] == ["service docker start", "usermod -aG docker alice"]
        assert answer.values["note"] == "there is no systemd here: see that Docker's engine starts at boot"

    def test_a_user_that_no_group_takes(self, host):
        """As one from LDAP."""
        host.has("usermod", "exit 6")
        answer, _ = install(host, "fedora")
        assert answer.ok
        assert (
            answer.values["note"]
            == "could not put alice into the group docker, so docker is called through sudo"
        )


class TestFailures:
    @pytest.mark.parametrize(
        ("os_id", "says", "error", "hint"),
        [
            (
                "fedora",
                "Error: Unable to find a match: moby-engine",
                "the package sources of this host hold no moby-engine",
                "by hand: sudo dnf install moby-engine && sudo systemctl enable --now docker",
            ),
            (
                "centos",
                "Error: \n Problem: problem with installed package podman-4\n"
                "  - package podman-4 from x conflicts with containerd.io",
                "Docker's packages do not go with what is installed here",
                "if nothing else needs them: sudo yum remove podman runc buildah; or docker.install: distro",
            ),
            (
                "centos",
                "Curl error (6): Couldn't resolve host name for https://download.docker.com/repomd.xml",
                "cannot fetch Docker's packages: Curl error (6): Couldn't resolve host name for "
                "https://download.docker.com/repomd.xml",
                "is https://download.docker.com/linux reachable from this host? mirrors.docker names a mirror",
            ),
            (
                "opensuse-leap",
                "'docker' not found in package names. Trying capabilities.\nNo provider of 'docker' found.",
                "the package sources of this host hold no docker",
                "by hand: sudo zypper install docker && sudo systemctl enable --now docker",
            ),
            (
                "arch",
                "error: failed retrieving file 'docker-1.zst' from mirror : The requested URL returned error: 404",
                "cannot fetch Docker's packages: error: failed retrieving file 'docker-1.zst' from mirror : "
                "The requested URL returned error: 404",
                "are the package sources of this host reachable from it?",
            ),
            (
                "debian",
                "E: Unable to locate package docker.io",
                "the package sources of this host hold no docker.io",
                "docker.install: docker-ce",
            ),
            (
                "debian",
                "E: Packages need to be removed but remove is disabled.",
                "Docker's packages do not go with what is installed here",
                "see what is in the way: sudo apt-get install docker.io",
            ),
            (
                "debian",
                "E: You don't have enough free space in /var/cache/apt/archives/.",
                "no space for Docker's packages",
                "free some space in /var",
            ),
            (
                "debian",
                "E: Failed to fetch http://x/y  Could not connect to x:80\nE: Unable to fetch some archives",
                "cannot fetch Docker's packages: E: Failed to fetch http://x/y  Could not connect to x:80",
                "are the package sources of this host reachable from it? mirrors.apt names a mirror",
            ),
            (
                "debian",
                "something new",
                "cannot install Docker: something new",
                "by hand: sudo apt-get install docker.io",
            ),
        ],
    )
    def test_one_line(self, host, os_id, says, error, hint):
        (host.home / "sync").mkdir()
        (host.home / "sync/core.db").write_text("")
        (host.home / "manager.says").write_text(says + "\n")
        answer, told = install(host, os_id)
        assert (answer.ok, answer.error, answer.hint) == (False, error, hint)
        assert says.splitlines()[-1] in answer.texts["log"]
        assert not set(AFTER) & set(told)
        assert not (host.home / "repos/docker-ce.repo").exists(), "a source that gives nothing stays"

    def test_another_package_manager_is_waited_for(self, host):
        (host.home / "manager.says").write_text("System management is locked by the application with pid 7\n")
        (host.home / "manager.once").write_text("")
        answer, told = install(host, "opensuse-leap")
        assert answer.ok, answer.error
        assert told == ["zypper --non-interactive install --no-recommends docker"] * 2 + AFTER

    def test_but_not_for_ever(self, host):
        (host.home / "manager.says").write_text("E: Could not get lock /var/lib/dpkg/lock. It is held by 7\n")
        answer, _ = install(host, "debian", lock_seconds=0)
        assert answer.error == (
            "another package manager has been at work here for 0 s: "
            "E: Could not get lock /var/lib/dpkg/lock. It is held by 7"
        )

    def test_an_interrupted_dpkg_is_mended(self, host):
        # the list of packages is read twice in a row so, and then the installation says it
        host.has(
            "apt-get",
            'case "$*" in *install*) if [ ! -e "$HOME/mended" ]; then\n'
            "echo \"E: dpkg was interrupted, you must manually run 'dpkg --configure -a'\"; exit 100; fi ;; esac"
            + MANAGER,
        )
        host.has("dpkg", RECORD + '; : >"$HOME/mended"')
        answer, told = install(host, "debian")
        assert answer.ok, answer.error
        assert told[1] == "dpkg --force-confdef --force-confold --configure -a"

    def test_an_engine_that_does_not_start(self, host):
        """The next run does not take the host for one with a stopped engine, but does the rest."""
        host.has("systemctl", "exit 1")
        host.has(
            "journalctl", 'echo "unable to configure the Docker daemon with file /etc/docker/daemon.json"'
        )
        answer, _ = install(host, "opensuse-leap")
        assert answer.error == "Docker is installed, but its engine does not start"
        assert "daemon.json" in answer.texts["log"][0]
        script = only(facts_script(samples.host("worker", samples.DOCKER), "lab").text)
        said = ask(script, host.shell, host.home, path=str(host.bin))
        found = parse_facts(said.all, said.texts)
        assert (found.docker, found.docker_problem) == ("28.0.1", "missing")

        host.has("systemctl", RECORD)
        installed = len(host.log("manager"))
        answer, told = install(host, "opensuse-leap")
        assert answer.ok, answer.error
        assert told[installed:] == AFTER, "packages that are there are not installed again"
        said = ask(script, host.shell, host.home, path=str(host.bin))
        assert parse_facts(said.all, said.texts).docker == "28.0.1"

    def test_an_engine_that_never_answers(self, host):
        host.flag("stopped")
        answer, _ = install(host, "opensuse-leap")
        assert answer.error.startswith("Docker is installed, but its engine does not answer: Cannot connect")

    def test_a_wrong_password(self, host):
        (host.home / "password").write_text("another")
        answer, told = install(host, "fedora")
        assert answer.error == "sudo does not let alice in"
        assert told == []
