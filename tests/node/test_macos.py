"""The scripts as a Mac gets them, run against a stand-in Mac; see mac.py for what that shows and what not."""

from __future__ import annotations

import re
import socket
import stat
import subprocess

import pytest

from tasks.node import operations
from tasks.node.logfiles import patterns
from tasks.node.subject import Finding, Subject
from tasks.plan.problems import host_problems
from tasks.runtimes.docker.image import scripts as images
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.script.files import files
from tests.script import samples
from tests.script.mac import DESKTOP, Mac
from tests.script.processes import alive
from tests.script.shells import SHELLS, stand_in

WORKER = samples.host("worker", samples.DOCKER, gpus=None)
HEAD = "10.0.0.1:6379"
INFO = """cpus 4
memory 8321515520
system Docker Desktop
arch aarch64
option name=seccomp,profile=unconfined
runtime runc
"""


@pytest.fixture(params=SHELLS)
def mac(request, tmp_path):
    made = Mac(request.param, tmp_path)
    made.flag("info", text=INFO)
    return made


def facts_of(mac, **more):
    answer = mac.ask(facts_script(WORKER, "lab"), SSH_CONNECTION="10.0.0.5 50123 10.0.0.77 22", **more)
    assert answer.ok, answer.error
    assert answer.stderr == ""
    return parse_facts(WORKER, answer.all, answer.texts)


class TestFacts:
    def test_the_mac_itself(self, mac):
        facts = facts_of(mac)
        assert (facts.system, facts.arch, facts.os_id) == ("Darwin", "arm64", "macos")
        assert (facts.user, facts.uid, facts.hostname) == ("alice", 501, "mac-mini.lab")
        assert facts.memory == 16 << 30
        assert facts.boot_id == "4F1B2C3D-0000-4000-8000-123456789ABC"
        assert facts.home_writable and facts.tmp_writable and not facts.systemd
        assert facts.disk_free["/"] == 262144000 * 1024

    def test_its_addresses_without_those_of_virtual_machines(self, mac):
        facts = facts_of(mac)
        found = [(a.interface, a.ip, a.prefix) for a in facts.addresses if not a.virtual]
        assert found == [("lo0", "127.0.0.1", 8), ("en0", "10.0.0.77", 24), ("utun4", "100.64.0.9", 32)]
        assert facts.default_interface == "en0"
        assert facts.ssh_server_ip == "10.0.0.77"

    def test_listening_ports_are_found(self, mac):
        assert facts_of(mac).ports == {22, 631, 8265}

    def test_a_ray_that_runs_there(self, mac):
        (mac.home / "ps.comm").write_text("  345 /Users/alice/venv/ray/core/src/ray/raylet/raylet\n")
        (one,) = facts_of(mac).ray_processes
        assert (one.pid, one.exe.endswith("/raylet/raylet")) == (345, True)

    def test_docker_desktop_is_found_where_no_path_names_it(self, mac):
        facts = facts_of(mac)
        assert (facts.own.version, facts.own.problem, facts.own.app) == ("28.0.1", None, "Docker")

    def test_the_machine_in_it_bounds_what_the_node_has(self, mac):
        subject = Subject(WORKER, facts_of(mac))
        assert (subject.cpus, subject.memory) == (4, 8321515520)
        wanted = samples.desired(
            subject, versions=samples.versions(image="sha256:abc", image_user="1000:100")
        )
        assert f"--shm-size={2 << 30}" in wanted.arguments, "2 GB of the hosts file: that fits"
        big = WORKER.model_copy(update={"cpus": 8, "memory": 12 << 30})
        stand_in(mac.bin, "getconf", "echo 10")
        notes = host_problems(Subject(big, facts_of(mac)), "lab")
        assert [note.message for note in notes if note.note] == [
            "cpus: 8 is more than the 4 that Docker's VM has",
            "memory: 12.0 GiB is more than the 7.8 GiB that Docker's VM has",
        ]


class TestDockerThatDoesNotAnswer:
    def problem(self, mac):
        (one,) = host_problems(Subject(WORKER, facts_of(mac)), "lab")
        return one

    def test_it_is_not_started(self, mac):
        mac.flag("stopped")
        said = "Docker's engine is not running: Cannot connect to the Docker daemon. Is the docker daemon running?"
        start = "open -a Docker, as the user who is logged in at that Mac; its settings can start it at login"
        assert self.problem(mac) == Finding("one", said, start)

    def test_it_is_not_installed(self, mac):
        (mac.home / DESKTOP / "docker").unlink()
        (mac.home / DESKTOP).rmdir()
        for folder in ("Contents/Resources", "Contents", ""):
            (mac.home / "Applications/Docker.app" / folder).rmdir()
        one = self.problem(mac)
        assert one.message == "Docker is not installed"
        assert one.hint == (
            "install Docker Desktop and start it once: https://docs.docker.com/desktop/setup/install/mac-install/"
        )

    def test_another_application_s(self, mac):
        (mac.home / "Applications/Docker.app").rename(mac.home / "Applications/OrbStack.app")
        one = self.problem(mac)
        assert one.message == "OrbStack is installed, but has no docker command yet"
        assert one.hint == "open -a OrbStack, as the user who is logged in at that Mac"

    @pytest.mark.parametrize("where", [".docker/run/docker.sock", ".colima/default/docker.sock"])
    def test_a_command_whose_configuration_names_no_socket(self, mac, where):
        # only through its own socket does this engine answer
        asked = f'case "$*" in *"--host unix://$HOME/{where} "*) echo 28.0.1; exit ;; "version "*) '
        real = (mac.home / DESKTOP / "docker").read_text()
        refused = '{ echo "Cannot connect" >&2; exit 1; }'
        own = f'{asked} [ "${{DOCKER_HOST-}}" = "unix://$HOME/{where}" ] || {refused} ;; esac\n'
        (mac.home / DESKTOP / "docker").write_text("#!/bin/sh\n" + own + real)
        assert facts_of(mac).own.version is None
        path = mac.home / where
        path.parent.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as listens:
            listens.bind(str(path))
            assert facts_of(mac).own.version == "28.0.1"


class TestALife:
    @staticmethod
    def up(mac, **more):
        of = Subject(WORKER, facts_of(mac))
        known = samples.versions("", image="sha256:abc", image_user="1000:100")
        wanted = samples.desired(of, versions=known)
        state = wanted.state("fingerprint", "request")
        script = samples.up_script(of.host, "lab", wanted, str(mac.home), state, token=True)
        return mac.ask(script, secrets={"RF_TOKEN": "t0ken"}, **more), wanted

    def test_image_start_logs_stop_destroy(self, mac):
        assert mac.ask(images.image_script(WORKER, "lab")).ok
        answer, wanted = self.up(mac)
        assert answer.ok, answer.error
        assert "note" not in answer.values
        words = (mac.home / "docker.argv").read_text().split("\0")[3:-1]
        # before them comes what needs no proxy
        assert words[-len(wanted.arguments) :] == list(wanted.arguments)
        assert {word.partition("=")[0] for word in words[: -len(wanted.arguments)]} == {
            "--env",
            "no_proxy",
            "NO_PROXY",
        }
        assert "--network=bridge" in words
        assert f"{mac.home}/tmp/ray:/tmp/ray" in words
        assert not [w for w in words if w.startswith("--ulimit") or w == "--gpus"]
        assert stat.S_IMODE((mac.home / "tmp/ray").stat().st_mode) == 0o1777

        (mac.home / "tmp/ray/session_1/logs").mkdir(parents=True)
        (mac.home / "tmp/ray/session_1/logs/raylet.out").write_text("a line\n")
        (mac.home / "tmp/ray/session_latest").symlink_to("session_1")
        logs = mac.ask(operations.logs_script(WORKER, "lab", patterns(["raylet"]), 5, follow=False))
        assert logs.texts == {"log:raylet.out": ["a line"]}

        assert mac.ask(operations.stop_script("lab")).values == {"changed": "1"}
        assert mac.ask(operations.stop_script("lab")).values == {"changed": "0"}
        assert mac.ask(operations.destroy_script(WORKER, "lab")).values == {"changed": "1"}
        assert not (mac.home / ".rayfab").exists()

    def test_the_lock_names_its_holder(self, mac):
        first = mac.ask(operations.lock_script("lab", "me@here since today: deploy"))
        assert first.values == {"locked": "1"}, first.stderr
        kept = (mac.home / ".rayfab/lab/lock").readlink()
        assert re.fullmatch(
            r"\d+ Mon_Nov_23_03:00:00_2026_ 4F1B2C3D-\S+ me@here since today: deploy", str(kept)
        )

    def test_what_outlived_its_supervisor_is_known_by_its_environment(self, mac):
        own, foreign = (subprocess.Popen(["sleep", "60"]) for _ in range(2))
        try:
            node = f"{mac.home}/.rayfab/lab/"
            (mac.home / "ps.environ").write_text(
                f" {own.pid} raylet --x HOME=/Users/alice RAYFAB_NODE={node} TERM=dumb\n"
                f" {foreign.pid} raylet HOME=/Users/alice RAYFAB_NODE={node[:-1]}2/ TERM=dumb\n"
            )
            (mac.node).mkdir(parents=True)
            (mac.node / "service").write_text("loop")
            assert mac.ask(operations.stop_script("lab")).values == {"changed": "1"}
            assert own.wait(5) == -9
            assert alive(foreign.pid)
        finally:
            for process in (own, foreign):
                process.kill()
                process.wait()


# Where a Mac's own sh, bash 3.2, or BSD's programs would differ
NOT_THERE = {
    "a pattern with one parenthesis inside $(...), which bash 3.2 takes for its end": r"\$\([^()]*\bcase\b",
    "here-strings and process substitution": r"<<<|<\(|>\(",
    "substitution in a variable": r"\$\{\w+//?[^}]*\}(?<!#)(?<!%)",
    "GNU's sed -i, -r and \\+": r"\bsed (-[a-z]*[ir]\b|.*\\\+)",
    "GNU's readlink -f": r"\breadlink -",
    "GNU's stat": r"\bstat -",
    "GNU's date": r"(?<!case \$\()\bdate (-d|--|.*%N)",  # but a case may ask what it prints
    "mktemp without a template": r"\bmktemp\b(?!.*XXX)",
    "GNU's grep -P and -z": r"\bgrep -[a-zA-Z]*[Pz]",
    "xargs -r": r"\bxargs\b.* -r",
    "head and tail by negative counts": r"\b(head|tail) -[cn] -",
    "long options of the base system": r"(?<![-\w])(cp|mv|rm|ls|df|sort|tail|head|wc|cut|tr|touch|chmod) --",
}


@pytest.mark.parametrize("what", NOT_THERE)
@pytest.mark.parametrize(
    "path",
    # Docker Engine is installed on Linux alone
    [p for p in sorted(files("sh").values()) if not p.name.startswith("engine")],
    ids=lambda p: p.name,
)
def test_no_fragment_asks_for_more_than_a_mac_has(path, what):
    code = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    found = [line.strip() for line in code if re.search(NOT_THERE[what], line)]
    assert found == []
