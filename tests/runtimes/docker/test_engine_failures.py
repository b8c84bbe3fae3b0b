"""What stands in the way of installing Docker Engine: one line for each, and nothing left that does harm."""

from __future__ import annotations

import pytest

from tasks.runtimes.facts import facts_script, parse_facts
from tests.runtimes.docker.engines import AFTER, MANAGER, RECORD, bare_host, install  # noqa: F401 (a fixture)
from tests.script import samples
from tests.script.shells import ask, only


class TestFailures:
    @pytest.mark.parametrize(
        ("os_id", "says", "error", "hint"),
        [
            (
                "fedora",
                "Error: Unable to find a match: moby-engine",
                "the package sources of this host have no moby-engine",
                "by hand: sudo dnf install moby-engine && sudo systemctl enable --now docker",
            ),
            (
                "centos",
                "Error: \n Problem: problem with installed package podman-4\n"
                "  - package podman-4 from x conflicts with containerd.io",
                "Docker's packages conflict with what is installed here",
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
                "the package sources of this host have no docker",
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
                "the package sources of this host have no docker.io",
                "docker.install: docker-ce",
            ),
            (
                "debian",
                "E: Packages need to be removed but remove is disabled.",
                "Docker's packages conflict with what is installed here",
                "check what conflicts: sudo apt-get install docker.io",
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
    def test_each_failure_is_one_line_with_a_fix(self, host, os_id, says, error, hint):
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
            "another package manager has been running here for 0 s: "
            "E: Could not get lock /var/lib/dpkg/lock. It is held by 7"
        )

    def test_an_interrupted_dpkg_is_repaired(self, host):
        # reading the list of packages succeeds twice; only the installation reports it
        host.has(
            "apt-get",
            'case "$*" in *install*) if [ ! -e "$HOME/repaired" ]; then\n'
            "echo \"E: dpkg was interrupted, you must manually run 'dpkg --configure -a'\"; exit 100; fi ;; esac"
            + MANAGER,
        )
        host.has("dpkg", RECORD + '; : >"$HOME/repaired"')
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
        worker = samples.host("worker", samples.DOCKER)
        script = only(facts_script(worker, "lab").text)
        said = ask(script, host.shell, host.home, path=str(host.bin))
        found = parse_facts(worker, said.all, said.texts)
        assert (found.own.version, found.own.problem) == ("28.0.1", "missing")

        host.has("systemctl", RECORD)
        installed = len(host.log("manager"))
        answer, told = install(host, "opensuse-leap")
        assert answer.ok, answer.error
        assert told[installed:] == AFTER, "packages that are there are not installed again"
        said = ask(script, host.shell, host.home, path=str(host.bin))
        assert parse_facts(worker, said.all, said.texts).own.version == "28.0.1"

    def test_an_engine_that_never_answers(self, host):
        host.flag("stopped")
        answer, _ = install(host, "opensuse-leap")
        assert answer.error.startswith("Docker is installed, but its engine does not answer: Cannot connect")

    def test_a_wrong_password(self, host):
        (host.home / "password").write_text("another")
        answer, told = install(host, "fedora")
        assert answer.error == "alice may not use sudo"
        assert told == []
