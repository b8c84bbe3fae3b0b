"""The scripts that deal with Docker, run for real against a stand-in for `docker`."""

from __future__ import annotations

import json
import os
import stat
import tarfile
from dataclasses import replace

import pytest

from tasks.node import gcs_store, operations, sudo
from tasks.node.gcs_store import HeadState
from tasks.node.logfiles import patterns
from tasks.runtimes.docker.image import scripts as images
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.script.script import assignment
from tests.script import samples
from tests.script.samples import WORST
from tests.script.shells import SHELLS, ask, only, stand_in, tool
from tests.script.standins import DOCKER, ID, INSIDE, SUDO, Host


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    """A host with Docker and a user who is not root."""
    made = Host(request.param, tmp_path)
    for name, text in (("docker", DOCKER), ("id", ID), ("sudo", SUDO)):
        made.has(name, text)
    made.has("install", ":")
    made.has("sleep", f'case $1 in 0.?) set -- 0.05 ;; esac; exec {tool("sleep")} "$@"')
    (made.home / "password").write_text(PASSWORD)
    return made


WORKER = samples.host("worker", samples.DOCKER)
PASSWORD = "it's $(secret)"


class TestFacts:
    @staticmethod
    def facts(host, **secrets):
        answer = host.ask(facts_script(WORKER, "lab", sudo_password=bool(secrets)), secrets=secrets)
        assert answer.ok, answer.error
        return parse_facts(WORKER, answer.all, answer.texts)

    def test_engine_image_and_container_are_found(self, host):
        host.flag("image", "container")
        facts = self.facts(host)
        assert (facts.own.version, facts.own.problem) == ("28.0.1", None)
        assert (facts.own.image, facts.own.image_platform) == ("sha256:abc", "linux/amd64")
        assert facts.own.container == "0123456789abcdef"

    def test_no_image_yet(self, host):
        facts = self.facts(host)
        assert (facts.own.version, facts.own.image, facts.own.container) == ("28.0.1", None, None)

    def test_a_stopped_engine_is_recognised(self, host):
        host.flag("stopped")
        facts = self.facts(host)
        assert (facts.own.version, facts.own.problem) == (None, "stopped")
        assert facts.own.says == "Cannot connect to the Docker daemon. Is the docker daemon running?"

    def test_permission_denied_and_no_way_to_root(self, host):
        host.flag("denied")
        facts = self.facts(host)
        assert (facts.own.version, facts.own.problem, facts.sudo) == (None, "denied", "needs-password")

    def test_a_wrong_password(self, host):
        host.flag("denied")
        facts = self.facts(host, RF_SUDO="wrong")
        assert (facts.own.version, facts.own.problem, facts.sudo) == (None, "denied", "refused")
        assert sudo.refusal(facts)[0] == "sudo rejects the password of alice"

    def test_through_sudo_without_a_password(self, host):
        host.flag("denied")
        (host.home / "nopasswd").write_text("")
        facts = self.facts(host)
        assert (facts.own.version, facts.own.problem, facts.sudo) == ("28.0.1", None, "nopasswd")

    def test_through_sudo_with_a_password(self, host):
        """It reaches sudo by a pipe, and nothing else ever sees it."""
        host.flag("denied", "image")
        facts = self.facts(host, RF_SUDO="it's $(secret)")
        assert (facts.own.version, facts.own.problem, facts.sudo) == ("28.0.1", None, "password")
        assert facts.own.image == "sha256:abc"
        assert not [line for line in host.log("sudo") + host.log("docker") if "secret" in line]

    def test_stopped_for_root_too(self, host):
        host.flag("denied", "stopped")
        (host.home / "nopasswd").write_text("")
        facts = self.facts(host)
        assert (facts.own.version, facts.own.problem) == (None, "stopped")

    def test_podman_under_dockers_name(self, host):
        host.flag("podman")
        assert self.facts(host).own.problem == "podman"

    def test_what_the_engine_can_give(self, host):
        host.flag(
            "info",
            text="cpus 4\nmemory 8321515520\nsystem Docker Desktop\noption name=selinux\nruntime nvidia\n",
        )
        engine = self.facts(host).own.engine
        assert (engine.cpus, engine.memory, engine.system) == (4, 8321515520, "Docker Desktop")
        assert (engine.options, engine.runtimes) == ({"selinux"}, {"nvidia"})
        assert not engine.hook

    def test_nvidia_s_hook(self, host):
        host.has("nvidia-container-runtime-hook", ":")
        assert self.facts(host).own.engine.hook

    def test_a_missing_docker_is_recognised(self, host):
        """Only with a PATH of its own: the machine that runs the tests may well have Docker."""
        (host.bin / "docker").unlink()
        for name in ("sed", "awk", "grep", "uname", "date", "df", "readlink", "tr", "nproc", "cat"):
            (host.bin / name).symlink_to(tool(name))
        answer = ask(only(facts_script(WORKER, "lab").text), host.shell, host.home, path=str(host.bin))
        assert parse_facts(WORKER, answer.all, answer.texts).own.problem == "missing"


class TestGpus:
    """With a stand-in for nvidia-smi: there is no GPU to ask."""

    @staticmethod
    def facts(host, text):
        host.has("nvidia-smi", text)
        answer = host.ask(facts_script(WORKER, "lab"))
        return parse_facts(WORKER, answer.all, answer.texts)

    def test_names_and_the_driver(self, host):
        asked = 'case "$*" in "--query-gpu=name,driver_version --format=csv,noheader") ;; *) exit 2 ;; esac\n'
        facts = self.facts(
            host, asked + "echo 'NVIDIA L4, 550.54.15'; echo 'NVIDIA A100-SXM4-80GB, 550.54.15'"
        )
        assert facts.gpus == ("NVIDIA L4", "NVIDIA A100-SXM4-80GB")
        assert (facts.gpu_driver, facts.gpu_says) == ("550.54.15", "")

    def test_a_driver_that_does_not_answer_is_no_gpu(self, host):
        """It says so on standard output, in the place of the names."""
        said = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
        facts = self.facts(host, f'echo "{said}"; exit 9')
        assert (facts.gpus, facts.gpu_driver, facts.gpu_says) == ((), "", said)

    def test_nvidia_smi_without_a_gpu_finds_none(self, host):
        facts = self.facts(host, 'echo "No devices were found"; exit 6')
        assert (facts.gpus, facts.gpu_says) == ((), "No devices were found")


class TestPasswords:
    """A store of passwords that is closed to a session without a screen; a stand-in for the helper and for docker."""

    CLOSED = "echo 'keychain cannot be accessed because the current session does not allow user interaction.'; exit 1"
    # as the real one: the store is asked first, also for a public image
    PULL = """
printf '%s %s %s\n' "$1" "${DOCKER_CONFIG-}" "${DOCKER_HOST-}" >>"$HOME/config.log"
config=${DOCKER_CONFIG:-$HOME/.docker}/config.json
if [ "$1" = pull ] && grep -q credsStore "$config" && ! docker-credential-desktop get; then
    echo "error getting credentials - err: exit status 1, out: keychain cannot be accessed" >&2
    exit 1
fi
[ "$1 $2" != "context inspect" ] || { echo unix:///Users/alice/.docker/run/docker.sock; exit; }
"""

    @pytest.fixture
    def mac(self, host):
        (host.home / ".docker").mkdir()
        (host.home / ".docker/config.json").write_text('{"auths": {}, "credsStore": "desktop"}')
        host.has("docker", self.PULL + DOCKER)
        return host

    def pulled_with(self, host):
        answer = host.ask(TestImage.SCRIPT)
        assert answer.ok, answer.error
        (line,) = [line for line in host.log("config") if line.startswith("pull")]
        return line.split(" ")[1:]

    def test_a_closed_one_is_left_out(self, mac):
        mac.has("docker-credential-desktop", f'cat >"$HOME/asked"; {self.CLOSED}')
        folder = mac.node / "docker"
        assert self.pulled_with(mac) == [str(folder), "unix:///Users/alice/.docker/run/docker.sock"]
        assert (mac.home / "asked").read_text() == "https://index.docker.io/v1/"
        kept = json.loads((folder / "config.json").read_text())
        assert kept == {"auths": {"https://index.docker.io/v1/": {}}}, (
            "an empty one makes docker look for a store"
        )
        assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600

    def test_an_open_one_is_used_and_what_it_says_is_never_seen(self, mac):
        mac.has("docker-credential-desktop", """echo '{"Username":"me","Secret":"5ecret"}'""")
        assert self.pulled_with(mac) == ["", ""]
        assert "5ecret" not in str(mac.ask(TestImage.SCRIPT).raw)

    def test_one_that_knows_nothing_of_that_registry_is_left_alone(self, mac):
        said = "credentials not found in native keychain"
        mac.has("docker-credential-desktop", f'echo "{said}"; exit 1')
        answer = mac.ask(TestImage.SCRIPT)
        assert not answer.ok, "the stand-in for docker fails where its store does"
        assert not (mac.node / "docker").exists()

    def test_the_image_s_own_registry_is_asked_about(self, mac):
        mac.has("docker-credential-desktop", f'cat >"$HOME/asked"; {self.CLOSED}')
        of = WORKER.docker.model_copy(update={"image": "registry.example:5000/ray/ray:1"})
        mac.ask(images.image_script(WORKER.model_copy(update={"docker": of}), "lab"))
        assert (mac.home / "asked").read_text() == "registry.example:5000"

    def test_without_a_store_nothing_is_done(self, mac):
        (mac.home / ".docker/config.json").write_text('{"auths": {}}')
        assert self.pulled_with(mac) == ["", ""]


REFUSALS = [
    (
        "write /var/lib/docker: no space left on device",
        "no space for the image rayproject/ray:2.52.0",
        "docker system df",
    ),
    (
        "Error response from daemon: manifest for rayproject/ray:2.52.0 not found: manifest unknown",
        "there is no image rayproject/ray:2.52.0",
        "valid names are in the manual, docs/guides/docker.md",
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

    def test_an_engine_that_does_not_answer_is_reported(self, host):
        host.flag("stopped")
        answer = host.ask(self.SCRIPT)
        assert (answer.error, answer.hint) == ("Docker's engine does not answer", "look at: docker version")


class TestUp:
    @staticmethod
    def up(host, token="t0ken $(x)", user="", **more):
        of = samples.subject(host_=WORKER.model_copy(update=more), home=str(host.home), memory=None)
        wanted = samples.desired(of, versions=samples.versions("", image="sha256:abc", image_user=user))
        state = wanted.state("fingerprint", "request")
        script = samples.up_script(of.host, "lab", wanted, str(host.home), state, token=bool(token))
        assert script.values["TEMP_DIR"] == "/tmp/ray"
        script = replace(script, values={**script.values, "TEMP_DIR": f"{host.home}/temp"})
        secrets = {"RF_TOKEN": token} if token else {}
        return host.ask(script, secrets=secrets), wanted, state

    @staticmethod
    def argv(host) -> list[str]:
        return (host.home / "docker.argv").read_text().split("\0")[:-1]

    def test_a_container_is_started_stopped_and_destroyed(self, host):
        answer, wanted, state = self.up(host)
        assert answer.ok, answer.error
        assert json.loads((host.node / "state.json").read_text()) == state
        argv = self.argv(host)
        assert argv[:3] == ["run", "--env-file", f"{host.node}/container.env"]
        assert argv[3:7] == ["--env", "no_proxy=", "--env", "NO_PROXY="]
        assert argv[7:] == list(wanted.arguments)
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
        assert self.argv(host)[7:] == list(wanted.arguments)
        assert {*WORST, f"V6={WORST[6]}", "--node-name=$(touch ran)"} <= set(wanted.arguments)
        assert not list(host.home.rglob("ran"))
        assert (host.home / "docker.env").read_text() == ""

    def test_the_state_of_another_head_goes_into_its_volume(self, host):
        of = samples.subject(host_=WORKER, home=str(host.home), memory=None)
        of = replace(of, host=gcs_store.decided(of.host, HeadState(True)))
        wanted = samples.desired(
            of, versions=samples.versions("2.60.0", image="sha256:abc", image_user="1000:100")
        )
        script = samples.up_script(of.host, "lab", wanted, str(host.home), wanted.state("print", "request"))
        script = replace(
            script, values={**script.values, "TEMP_DIR": f"{host.home}/temp", "STORE_FOR": "2.60.0"}
        )
        (host.node / "gcs").mkdir(parents=True)
        (host.node / "gcs/CURRENT").write_text("MANIFEST-1\n")
        (host.node / "gcs.for").write_text("2.60.0\n")
        answer = host.ask(script)
        assert answer.ok, answer.error
        with tarfile.open(host.home / "docker.stdin") as tar:
            assert tar.extractfile("./CURRENT").read() == b"MANIFEST-1\n"
        assert not (host.node / "gcs").exists() and "volume rm -f rayfab-lab-gcs" in host.log("docker")

    def test_a_refusal_of_docker_is_reported_and_leaves_nothing(self, host):
        host.flag("norun", text="no such runtime")
        answer, *_ = self.up(host)
        assert answer.error == "docker run failed: docker: Error response from daemon: no such runtime"
        assert answer.hint == ""
        assert not (host.node / "container.env").exists()
        assert json.loads((host.node / "state.json").read_text())["hash"] == ""

    @pytest.mark.parametrize(
        ("said", "hint"),
        [
            ('could not select device driver "" with capabilities: [[gpu]]', "gpus: 0 does without"),
            ("unresolvable CDI devices nvidia.com/gpu=all", "gpus: 0 does without"),
            ("error setting rlimit type 7: operation not permitted", '"--ulimit=nofile=1024"'),
            ("cannot share the host's network namespace when user namespaces are enabled", '"--userns=host"'),
        ],
    )
    def test_why_docker_refuses(self, host, said, hint):
        host.flag("norun", text=said)
        answer, *_ = self.up(host)
        assert answer.error == f"docker run failed: docker: Error response from daemon: {said}"
        assert hint in answer.hint

    def test_what_another_user_left_is_taken_over(self, host):
        """Ray does not say that it cannot replace session_latest, and ends where it cannot write an old log."""
        temp = host.home / "temp"
        (temp / "session_1").mkdir(parents=True)
        (temp / "session_2").mkdir()
        (temp / "session_latest").symlink_to("session_1")
        host.node.mkdir(parents=True)
        (host.node / "sessions").write_text("/tmp/ray/session_1\n/tmp/ray/session_3\n")
        answer, *_ = self.up(host, user="4321:100")
        assert answer.ok, answer.error
        (line,) = [line for line in "\n".join(host.log("docker")).split("\nrun ") if "--user 0:0" in line]
        words = line.split("\nlogs ")[0].split("\n")
        assert f"--volume {temp}:/tmp/ray" in words[0]
        assert words[-1].split(" ")[-3:] == ["4321:100", "session_latest", "session_1"], (
            "session_2 is a stranger's"
        )

    def test_what_the_same_user_left_costs_nothing(self, host):
        (host.home / "temp").mkdir()
        (host.home / "temp/session_latest").symlink_to("session_1")
        answer, *_ = self.up(host, user=f"{os.getuid()}:100")
        assert answer.ok, answer.error
        assert not [line for line in host.log("docker") if "--user 0:0" in line]

    def test_ray_fails_in_it(self, host):
        host.flag("fails")
        answer, *_ = self.up(host)
        assert answer.error == "ray start failed twice"
        assert answer.texts["log"] == ["a traceback"]
        assert not (host.home / "docker.up").exists()
        assert json.loads((host.node / "state.json").read_text())["hash"] == ""

    def test_logs_where_the_container_is_gone(self, host):
        self.up(host)
        host.flag("gone")
        (host.home / "temp/session_1/logs").mkdir(parents=True)
        (host.home / "temp/session_1/logs/raylet.out").write_text("the last words\n")
        (host.home / "temp/session_latest").symlink_to("session_1")
        text = operations.logs_script(WORKER, "lab", patterns(["start", "raylet"]), 5, follow=False).text
        answer = host.ask(text.replace("TEMP_DIR=/tmp/ray\n", f"TEMP_DIR={host.home}/temp\n"))
        assert answer.texts == {"log:raylet.out": ["the last words"]}
        assert answer.values["note"] == "the container rayfab-lab is gone, and its own log with it"

    def test_commands_run_in_the_container(self, host):
        self.up(host)
        assert host.ask(operations.command_script("lab", ["ray", "--version", "a b"])).ok
        *inside, _, how, one, two, three = self.argv(host)
        assert inside == ["exec", "-i", "rayfab-lab", "sh", "-c"]
        assert (how, one, two, three) == ("run", "ray", "--version", "a b")

    def test_a_program_that_the_container_does_not_have(self, host):
        self.up(host)
        host.has("docker", INSIDE)
        answer = host.ask(operations.command_script("lab", ["a | b"]))
        assert (answer.status, answer.values["missing"]) == (127, "127")
        assert answer.chatter.strip() == "a | b: there is no such program"

    def test_a_driver_is_read_behind_sudo_s_password(self, host):
        self.up(host)
        host.has("docker", INSIDE)
        host.flag("denied")
        host.has("python", 'echo "RF $(cat)"')
        script = operations.verify_script("lab", "10.0.0.1:6379", [], tasks=False, timeout=5, sudo=True)
        shipped = assignment("DRIVER", script.values["DRIVER"])
        text = script.text.replace(shipped, assignment("DRIVER", "the driver"))
        answer = host.ask(text, secrets={"RF_SUDO": PASSWORD})
        assert answer.texts["answer"] == ["the driver"]
        assert not [line for line in host.log("sudo") if "secret" in line]

    def test_another_runtime_takes_the_container_away(self, host):
        self.up(host)
        of = samples.subject(home=str(host.home), systemd=False)
        wanted = samples.desired(of, versions=samples.versions("e"))
        stand_in(host.node / "envs/e/bin", "ray", "exit 1")
        made = samples.up_script(of.host, "lab", wanted, str(host.home), wanted.state("", ""))
        host.ask(made)
        assert "rm -f -v rayfab-lab rayfab_seed_lab" in host.log("docker")

    def test_an_engine_that_is_down_keeps_its_container(self, host):
        """It would come back with the engine; so a destroy does not say that it is gone."""
        self.up(host)
        host.flag("stopped")
        answer = host.ask(operations.destroy_script(WORKER, "lab"))
        assert answer.error == "Docker's engine does not answer"
        assert (host.node / "service").exists()

    def test_docker_is_run_through_sudo(self, host):
        host.flag("denied")
        (host.home / "nopasswd").write_text("")
        answer, *_ = self.up(host)
        assert answer.ok, answer.error
        assert any(line.startswith("-k -n docker run ") for line in host.log("sudo"))
        text = operations.destroy_script(WORKER, "lab").text
        text = text.replace("TEMP_DIR=/tmp/ray\n", f"TEMP_DIR={host.home}/temp\n")
        assert host.ask(text).values == {"changed": "1"}
        assert any(
            line.startswith("-k -n docker exec rayfab-lab sh -c cat /proc") for line in host.log("sudo")
        )
