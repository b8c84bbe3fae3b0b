"""The scripts that deal with Docker, run for real against a stand-in for `docker`."""

from __future__ import annotations

import json
import stat
from dataclasses import replace

import pytest

from tasks.render import images, install, operations
from tasks.render.facts import facts_script, parse_facts
from tests.render import samples
from tests.render.samples import WORST
from tests.render.shells import SHELLS, ask, only, tool
from tests.render.standins import DOCKER, ID, SUDO, Host


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    """A host with Docker and a user who is not root."""
    made = Host(request.param, tmp_path)
    for name, text in (("docker", DOCKER), ("id", ID), ("sudo", SUDO)):
        made.has(name, text)
    made.has("install", ":")
    made.has("sleep", f"exec {tool('sleep')} 0.05")
    (made.home / "password").write_text("it's $(secret)")
    return made


WORKER = samples.host("worker", samples.DOCKER)


class TestFacts:
    @staticmethod
    def facts(host, **secrets):
        answer = host.ask(facts_script(WORKER, "lab", sudo_password=bool(secrets)), secrets=secrets)
        assert answer.ok, answer.error
        return parse_facts(answer.all, answer.texts)

    def test_there(self, host):
        host.flag("image", "container")
        facts = self.facts(host)
        assert (facts.docker, facts.docker_problem) == ("28.0.1", None)
        assert (facts.image, facts.image_platform) == ("sha256:abc", "linux/amd64")
        assert (facts.container, facts.container_image) == ("0123456789abcdef", "rayproject/ray:2.52.0")

    def test_no_image_yet(self, host):
        facts = self.facts(host)
        assert (facts.docker, facts.image, facts.container) == ("28.0.1", None, None)

    def test_stopped(self, host):
        host.flag("stopped")
        facts = self.facts(host)
        assert (facts.docker, facts.docker_problem) == (None, "stopped")
        assert facts.docker_says == "Cannot connect to the Docker daemon. Is the docker daemon running?"

    def test_permission_denied_and_no_way_to_root(self, host):
        host.flag("denied")
        facts = self.facts(host)
        assert (facts.docker, facts.docker_problem, facts.sudo) == (None, "denied", "needs-password")

    def test_a_wrong_password(self, host):
        host.flag("denied")
        facts = self.facts(host, RF_SUDO="wrong")
        assert (facts.docker, facts.docker_problem, facts.sudo) == (None, "denied", "wrong-password")

    def test_through_sudo_without_a_password(self, host):
        host.flag("denied")
        (host.home / "nopasswd").write_text("")
        facts = self.facts(host)
        assert (facts.docker, facts.docker_problem, facts.sudo) == ("28.0.1", None, "nopasswd")

    def test_through_sudo_with_a_password(self, host):
        """It reaches sudo by a pipe, and nothing else ever sees it."""
        host.flag("denied", "image")
        facts = self.facts(host, RF_SUDO="it's $(secret)")
        assert (facts.docker, facts.docker_problem, facts.sudo) == ("28.0.1", None, "password")
        assert facts.image == "sha256:abc"
        assert not [line for line in host.log("sudo") + host.log("docker") if "secret" in line]

    def test_stopped_for_root_too(self, host):
        host.flag("denied", "stopped")
        (host.home / "nopasswd").write_text("")
        facts = self.facts(host)
        assert (facts.docker, facts.docker_problem) == (None, "stopped")

    def test_podman_under_dockers_name(self, host):
        host.flag("podman")
        assert self.facts(host).docker_problem == "podman"

    def test_missing(self, host):
        """Only with a PATH of its own: the machine that runs the tests may well have Docker."""
        (host.bin / "docker").unlink()
        for name in ("sed", "awk", "grep", "uname", "date", "df", "readlink", "tr", "nproc", "cat"):
            (host.bin / name).symlink_to(tool(name))
        answer = ask(only(facts_script(WORKER, "lab").text), host.shell, host.home, path=str(host.bin))
        assert parse_facts(answer.all, answer.texts).docker_problem == "missing"


REFUSALS = [
    (
        "write /var/lib/docker: no space left on device",
        "no space for the image rayproject/ray:2.52.0",
        "docker system df",
    ),
    (
        "Error response from daemon: manifest for rayproject/ray:2.52.0 not found: manifest unknown",
        "there is no image rayproject/ray:2.52.0",
        "see docker.image in the README for living ones",
    ),
    (
        "Error response from daemon: pull access denied for rayproject/ray, repository does not exist",
        "there is no image rayproject/ray:2.52.0, or it is private",
        "registry_password",
    ),
    (
        "net/http: TLS handshake timeout",
        "Docker Hub cannot be reached: net/http: TLS handshake timeout",
        "docker.registry_mirror",
    ),
    (
        "dial tcp: lookup registry-1.docker.io: no such host",
        "Docker Hub cannot be reached",
        "registry_mirror",
    ),
    (
        "toomanyrequests: You have reached your pull rate limit",
        "Docker Hub allows no more pulls for now",
        "seed",
    ),
    ("no basic auth credentials", "Docker Hub asks for a user and a password", "docker.registry_user"),
    (
        'Get "https://x/v2/": x509: certificate signed by unknown authority',
        "is not trusted: certificate signed by unknown authority",
        "/etc/docker/certs.d/",
    ),
    (
        'Get "https://x/v2/": http: server gave HTTP response to HTTPS client',
        "speaks plain HTTP, which Docker refuses",
        "insecure-registries",
    ),
    ("something new", "cannot pull rayproject/ray:2.52.0: something new", "registry_mirror"),
]


class TestImage:
    SCRIPT = images.image_script(WORKER, "lab")

    def test_pulled_and_read_once(self, host):
        answer = host.ask(self.SCRIPT)
        assert answer.ok
        assert answer.values == {"changed": "1", "image_versions": "2.52.0 3.11.2 1000:1000"}
        assert answer.texts == {"image": ["sha256:abc linux/amd64"]}
        assert sorted(p.name for p in host.node.iterdir()) == ["image"]
        ran = len([line for line in host.log("docker") if line.startswith(("run", "pull"))])
        answer = host.ask(self.SCRIPT)
        assert answer.values == {"image_versions": "2.52.0 3.11.2 1000:1000"}
        assert len([line for line in host.log("docker") if line.startswith(("run", "pull"))]) == ran == 2

    @pytest.mark.parametrize(("said", "error", "hint"), REFUSALS)
    def test_why_it_cannot_be_pulled(self, host, said, error, hint):
        host.flag("pull", text=said + "\n")
        answer = host.ask(self.SCRIPT)
        assert not answer.ok
        assert error in answer.error
        assert hint in answer.hint
        assert answer.texts["log"][0] == said

    def test_an_image_without_ray(self, host):
        host.flag("image", "broken")
        answer = host.ask(self.SCRIPT)
        assert answer.error == "the image rayproject/ray:2.52.0 cannot run ray"
        assert answer.texts["log"] == ["ModuleNotFoundError: ray"]

    def test_no_engine(self, host):
        host.flag("stopped")
        answer = host.ask(self.SCRIPT)
        assert (answer.error, answer.hint) == ("Docker's engine does not answer", "look at: docker version")


class TestUp:
    @staticmethod
    def up(host, token="t0ken $(x)", **more):
        of = samples.subject(host_=WORKER.model_copy(update=more), home=str(host.home), memory=None)
        wanted = samples.desired(of, versions=samples.versions("", image="sha256:abc"))
        state = wanted.state("fingerprint", "request")
        script = install.up_script(of.host, "lab", wanted, str(host.home), state, token=bool(token))
        assert script.text.count("TEMP_DIR=/tmp/ray\n") == 1
        text = script.text.replace("TEMP_DIR=/tmp/ray\n", f"TEMP_DIR={host.home}/temp\n")
        secrets = {"RF_TOKEN": token} if token else {}
        return host.ask(replace(script, text=text), secrets=secrets), wanted, state

    @staticmethod
    def argv(host) -> list[str]:
        return (host.home / "docker.argv").read_text().split("\0")[:-1]

    def test_a_life(self, host):
        answer, wanted, state = self.up(host)
        assert answer.ok, answer.error
        assert json.loads((host.node / "state.json").read_text()) == state
        argv = self.argv(host)
        assert argv[:3] == ["run", "--env-file", f"{host.node}/container.env"]
        assert argv[3:] == list(wanted.words)
        assert (host.home / "docker.env").read_text() == "RAY_AUTH_TOKEN=t0ken $(x)\n"
        assert not (host.node / "container.env").exists(), "the token stays in one file alone"
        assert stat.S_IMODE((host.node / "token").stat().st_mode) == 0o600
        assert not [line for line in host.log("docker") if "t0ken" in line]
        assert stat.S_IMODE((host.home / "temp").stat().st_mode) == 0o1777

        assert host.ask(operations.stop_script("lab")).values == {"changed": "1"}
        assert not (host.home / "docker.up").exists()
        assert "stop rayfab-lab" in host.log("docker")
        assert set((host.node / "sessions").read_text().splitlines()) == {"/tmp/ray/session_2026-01-02_03"}
        assert host.ask(operations.stop_script("lab")).values == {"changed": "0"}

        text = operations.destroy_script(WORKER, "lab").text
        text = text.replace("TEMP_DIR=/tmp/ray\n", f"TEMP_DIR={host.home}/temp\n")
        assert host.ask(text).values == {"changed": "1"}
        assert "rm -f -v rayfab-lab rayfab_seed_lab" in host.log("docker")
        assert not (host.home / ".rayfab").exists() and not (host.home / "temp").exists()

    def test_any_value_reaches_the_container(self, host):
        ray = WORKER.ray.model_copy(
            update={"env": {f"V{n}": v for n, v in enumerate(WORST)}, "worker_args": tuple(WORST)}
        )
        docker = WORKER.docker.model_copy(update={"run_args": tuple(WORST)})
        answer, wanted, _ = self.up(host, ray=ray, docker=docker, name="$(touch ran)", token=None)
        assert answer.ok, answer.error
        assert self.argv(host)[3:] == list(wanted.words)
        assert {*WORST, f"V6={WORST[6]}", "--node-name=$(touch ran)"} <= set(wanted.words)
        assert not list(host.home.rglob("ran"))
        assert (host.home / "docker.env").read_text() == ""

    def test_docker_refuses(self, host):
        host.flag("norun")
        answer, *_ = self.up(host)
        assert answer.error == "docker run failed: docker: Error response from daemon: no such runtime"
        assert not (host.node / "container.env").exists() and not (host.node / "state.json").exists()

    def test_ray_fails_in_it(self, host):
        host.flag("fails")
        answer, *_ = self.up(host)
        assert answer.error == "ray start failed twice"
        assert answer.texts["log"] == ["a traceback"]
        assert not (host.home / "docker.up").exists() and not (host.node / "state.json").exists()

    def test_commands_run_in_the_container(self, host):
        self.up(host)
        assert host.ask(operations.command_script("lab", ["ray", "--version", "a b"])).ok
        assert self.argv(host) == ["exec", "-i", "rayfab-lab", "ray", "--version", "a b"]

    def test_through_sudo(self, host):
        host.flag("denied")
        (host.home / "nopasswd").write_text("")
        answer, *_ = self.up(host)
        assert answer.ok, answer.error
        assert any(line.startswith("-n docker run ") for line in host.log("sudo"))
        text = operations.destroy_script(WORKER, "lab").text
        text = text.replace("TEMP_DIR=/tmp/ray\n", f"TEMP_DIR={host.home}/temp\n")
        assert host.ask(text).values == {"changed": "1"}
        assert any(line.startswith("-n docker exec rayfab-lab sh -c cat /proc") for line in host.log("sudo"))
