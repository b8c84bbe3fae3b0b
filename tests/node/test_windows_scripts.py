"""The scripts for Windows run by the stand-in for PowerShell, on a stand-in for Docker Desktop."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks import runtimes
from tasks.inventory import Secret
from tasks.node import head_files, operations, pruning
from tasks.node.hold import Hold
from tasks.node.start import token_script
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.script import powershell as windows
from tasks.script.protocol import Reader, Scrubber
from tasks.ssh.windows import BOOTSTRAP, wrap
from tests.golden.windows_kinds import SCRIPTS
from tests.script import samples
from tests.script.shells import stand_in
from tests.script.standins import DOCKER, INSIDE
from tests.standins.windows.dotnet import types
from tests.standins.windows.interpreter import Shell
from tests.standins.windows.machine import DESKTOP, Machine
from tests.standins.windows.values import PSError

MINE = (("10.0.0.5", 50001), ("10.0.0.9", 22))
THEIRS = (("10.0.0.6", 50002), ("10.0.0.9", 22))
HOLDER = "alice@laptop (process 42) since 2026-01-02 03:04:05 UTC: deploy-cluster"


class Windows:
    """A machine and the connections to it; a flag of the stand-in docker is a file ``docker.<flag>``."""

    def __init__(self, folder, docker=True):
        self.home = folder / "docker"
        self.home.mkdir()
        stand_in(folder / "bin", "docker", DOCKER)
        words = ["env", f"HOME={self.home}", str(folder / "bin" / "docker")]
        self.machine = Machine(folder / "C", docker=words if docker else (), seen_as="/c")
        for ends in (MINE, THEIRS):
            self.machine.connected(ends, now=True)

    def flag(self, *flags):
        for name in flags:
            (self.home / f"docker.{name}").touch()

    def at(self, path):
        return self.machine.drive.at(rf"C:\Users\me\{path}")

    def node(self, name):
        return self.at(rf".rayfab\lab\{name}")

    def has(self, name, text):
        self.node(name).parent.mkdir(parents=True, exist_ok=True)
        self.node(name).write_text(text)

    def ask(self, script, ends=MINE, **secrets):
        hidden = {name: Secret(value) for name, value in secrets.items()}
        sent = io.BytesIO(wrap(windows.text_of(script), "rfmark", hidden))
        told = io.BytesIO()
        environment = self.machine.environment()
        environment["SSH_CONNECTION"] = " ".join(f"{ip} {port}" for ip, port in ends)
        code = Shell(types(self.machine, sent, told), environment).run(BOOTSTRAP)
        reader = Reader("rfmark", Scrubber(hidden.values()))
        reader.stdout(told.getvalue())
        answer = reader.close()
        assert (reader.ended, answer.status) == (True, code)
        return answer

    def facts(self):
        answer = self.ask(facts_script(samples.host("head", samples.DOCKER), "lab"))
        return parse_facts(samples.host("head", samples.DOCKER), answer.all, answer.texts)


@pytest.fixture
def win(tmp_path):
    return Windows(tmp_path)


class TestFacts:
    def test_the_facts_of_the_machine_are_found(self, win):
        said = win.facts()
        assert (said.system, said.arch, said.hostname, said.user) == ("Windows", "x86_64", "WINBOX", "me")
        assert (said.home, said.cpus, said.memory) == ("C:/Users/me", 16, 64 << 30)
        assert [(a.interface, a.ip, a.prefix, a.virtual) for a in said.addresses] == [
            ("Ethernet_2", "10.0.0.9", 24, False)
        ]
        assert said.default_interface == "Ethernet_2"
        assert said.ssh_server_ip == "10.0.0.9"
        assert said.machine_id == win.machine.guid
        assert said.disk_free["C:/"] > 0
        assert said.home_writable and said.tmp_writable and not said.can_root

    def test_the_network_of_wsl_is_nobody_else_s(self, win):
        win.machine.cards.append(("vEthernet (WSL (Hyper-V firewall))", "172.28.0.1", 20, False))
        win.machine.cards.append(("vEthernet (Outside)", "10.1.0.9", 24, False))
        assert {a.ip: a.virtual for a in win.facts().addresses} == {
            "10.0.0.9": False,
            "172.28.0.1": True,
            "10.1.0.9": False,
        }

    def test_listening_ports_are_found(self, win):
        win.machine.listening = lambda: [22, 6379]
        assert win.facts().ports == {22, 6379}

    def test_nothing_is_written(self, win):
        win.facts()
        assert list(win.at("").iterdir()) == []

    def test_the_facts_of_a_node_are_found(self, win):
        win.has("state.json", '{"hash": "h"}')
        win.has("service", "docker")
        win.has("image", "sha256:abc 2.52.0 3.11.2 1000:100")
        win.flag("image", "up", "container")
        said = win.facts()
        assert (said.state, said.service, said.active) == ({"hash": "h"}, "docker", True)
        assert (said.own.image, said.own.image_platform) == ("sha256:abc", "linux/amd64")
        assert said.own.version == "28.0.1"


class TestDocker:
    @pytest.mark.parametrize(
        "path",
        [DESKTOP, r"C:\Users\me\AppData\Local\Programs\DockerDesktop\resources\bin\docker.exe"],
        ids=["for all", "for one user"],
    )
    def test_is_found_though_it_is_not_on_the_path(self, tmp_path, path):
        win = Windows(tmp_path, docker=False)
        assert (win.facts().own.version, win.facts().own.problem) == (None, "missing")
        win.machine.docker = ["env", f"HOME={win.home}", str(tmp_path / "bin" / "docker")]
        win.machine.install_docker(path)
        assert (win.facts().own.version, win.facts().own.problem) == ("28.0.1", None)

    def test_that_listens_at_its_own_pipe_alone(self, win):
        win.machine.pipe = "dockerDesktopLinuxEngine"
        assert win.facts().own.version == "28.0.1"

    @pytest.mark.parametrize(("flag", "problem"), [("stopped", "stopped"), ("denied", "denied")])
    def test_that_does_not_answer(self, win, flag, problem):
        win.flag(flag)
        said = win.facts()
        assert (said.own.version, said.own.problem) == (None, problem)
        assert said.own.says

    def test_of_windows_containers(self, win, tmp_path):
        stand_in(tmp_path / "bin", "docker", "echo 28.0.1 windows")
        assert win.facts().own.problem == "windows"


class TestImage:
    script = staticmethod(SCRIPTS["image"])

    def test_is_pulled_and_asked_once(self, win):
        answer = win.ask(self.script())
        assert answer.ok
        assert (answer.values["changed"], answer.texts["image"]) == ("1", ["sha256:abc linux/amd64"])
        assert answer.values["image_versions"].split()[:2] == ["2.52.0", "3.11.2"]
        before = len(win.machine.started)
        again = win.ask(self.script())
        assert again.values == {"image_versions": answer.values["image_versions"]}
        assert not any("--rm" in words for words in win.machine.started[before:])

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            ("manifest unknown", "there is no image rayproject/ray:2.52.0"),
            ("write /x: no space left on device", "no space for the image rayproject/ray:2.52.0"),
            (
                "dial tcp: lookup: no such host",
                "cannot pull rayproject/ray:2.52.0: dial tcp: lookup: no such host",
            ),
        ],
    )
    def test_a_failed_pull_is_reported_with_its_reason(self, win, tmp_path, said, told):
        stand_in(
            tmp_path / "bin",
            "docker",
            f"case $1 in version) echo 28.0.1 linux ;; pull) echo '{said}' >&2; exit 1 ;; *) exit 1 ;; esac",
        )
        answer = win.ask(self.script())
        assert (answer.status, answer.error) == (1, told)
        assert answer.hint

    def test_an_image_that_cannot_run_ray_is_refused(self, win):
        win.flag("image", "broken")
        answer = win.ask(self.script())
        assert answer.error == "the image rayproject/ray:2.52.0 cannot run ray"
        assert answer.texts["log"] == ["ModuleNotFoundError: ray"]


class TestUp:
    script = staticmethod(SCRIPTS["up-worker"])

    @pytest.fixture
    def win(self, win):
        # the file of the environment is read by the engine's command itself
        win.machine.seen_as = str(win.machine.drive.root)
        return win

    def test_the_container_starts_with_exactly_the_rendered_arguments(self, win):
        script = self.script()
        answer = win.ask(script, RF_TOKEN="t0k3n")
        assert answer.ok, answer.error
        run = next(words[1:] for words in win.machine.started if words[1] == "run")
        known = ["--env-file", r"C:\Users\me\.rayfab\lab\container.env"]
        known += ["--env", "no_proxy=", "--env", "NO_PROXY="]
        assert run == ["run", *known, *script.values["RUN"]]
        assert (win.home / "docker.env").read_text() == "RAY_AUTH_TOKEN=t0k3n\n"
        assert not win.node("container.env").exists()
        assert win.node("token").read_text() == "t0k3n"
        assert win.node("state.json").read_text() == script.values["STATE"]
        assert (win.node("temp").read_text(), win.node("user").read_text()) == (
            r"C:\Users\me\tmp\ray",
            "1000:100",
        )
        assert win.at(r"tmp\ray").is_dir()

    def test_the_folder_is_closed_before_the_token_is_in_it(self, win):
        win.ask(self.script(), RF_TOKEN="t0k3n")
        words = win.machine.closed_to_others[r"C:\Users\me\.rayfab"]
        assert words == ["/inheritance:r", "/grant:r", f"*{win.machine.sid}:(OI)(CI)F", "*S-1-5-18:(OI)(CI)F"]
        assert win.machine.inside_when_closed == []

    def test_a_refusal_of_docker_is_reported_and_leaves_nothing(self, win):
        win.flag("norun")
        answer = win.ask(self.script(), RF_TOKEN="t0k3n")
        assert answer.error == "docker run failed: docker: Error response from daemon: no such runtime"
        assert not win.node("container.env").exists() and not win.node("state.json").exists()

    def test_ray_fails_twice(self, win):
        win.flag("fails")
        answer = win.ask(self.script(), RF_TOKEN="t0k3n")
        assert (answer.error, answer.texts["log"]) == ("ray start failed twice", ["a traceback"])
        assert not win.node("state.json").exists()


class TestLater:
    def test_stop_and_destroy(self, win):
        win.machine.seen_as = str(win.machine.drive.root)
        win.ask(SCRIPTS["up-worker"](), RF_TOKEN="t0k3n")
        session = win.at(r"tmp\ray\session_2026-01-02_03")
        (session / "logs").mkdir(parents=True)
        win.at(r"tmp\ray\session_2026-05-05_05").mkdir()
        assert win.ask(operations.stop_script("lab")).values == {"changed": "1"}
        assert win.ask(operations.stop_script("lab")).values == {"changed": "0"}
        assert win.ask(SCRIPTS["destroy"]()).values == {"changed": "1"}
        assert not session.exists()
        # another Ray's
        assert win.at(r"tmp\ray\session_2026-05-05_05").is_dir()
        assert not win.at(".rayfab").exists()
        assert win.ask(SCRIPTS["destroy"]()).values == {"changed": "0"}

    def test_what_the_watch_in_the_container_knows_is_read(self, win):
        win.machine.seen_as = str(win.machine.drive.root)
        win.ask(SCRIPTS["up-worker"](), RF_TOKEN="t0k3n")
        why = "its agent does not say that the raylet is healthy"
        known = {"phase": "down", "since": 1, "why": why, "faults": [[1, why]] * 4, "starts": [1]}
        win.at(r"tmp\ray\rayfab-lab.json").write_text(json.dumps(known))
        said = win.facts()
        assert (said.watched.phase, said.watched.why, said.watched.faults) == ("down", why, 4)
        life = runtimes.of(samples.host("head", samples.DOCKER)).life(said)
        assert life.down and life.starts == 1

    @pytest.mark.parametrize("up", [True, False])
    def test_ray_s_folders_are_looked_at_where_ray_sees_them(self, win, up):
        """A container's Python runs the program for Linux; of a stopped one another one does."""
        win.has("service", "docker")
        win.has("user", "1000:100")
        win.flag(*(["up"] if up else []))
        answer = win.ask(operations.disk_script(samples.host("head", samples.DOCKER), "lab", "list"))
        assert answer.ok and set(answer.texts) <= {"free", "item"}
        (run,) = [words[1:] for words in win.machine.started if "python" in words]
        program = ["-", "list", str(5 << 30), "14", "5000", "", "/tmp/ray", "/var/tmp/ray"]
        if up:
            assert run == ["exec", "-i", "--user", "1000:100", "rayfab-lab", "python", *program]
            assert (win.home / "docker.fed").read_text() == pruning.program()
        else:
            known = ["run", "--rm", "-i", "--network", "none", "--volumes-from", "rayfab-lab"]
            assert run[:9] == [*known, "--user", "1000:100"]
            assert run[9:11] == ["--entrypoint", "python"] and run[12:] == program

    def test_a_node_is_held_back_and_no_longer(self, win):
        win.machine.seen_as = str(win.machine.drive.root)
        win.ask(SCRIPTS["up-worker"](), RF_TOKEN="t0k3n")
        assert win.ask(SCRIPTS["hold"]()).ok
        assert "update --restart=no rayfab-lab" in (win.home / "docker.log").read_text().splitlines()
        assert win.facts().hold == Hold("drain", "2026-01-02 03:04 UTC", "alice@laptop")
        win.ask(operations.stop_script("lab"))
        assert win.facts().hold.kind == "drain"
        win.ask(SCRIPTS["up-worker"](), RF_TOKEN="t0k3n")
        assert win.facts().hold is None

    def test_destroy_keeps_the_lock_of_the_run_that_does_it(self, win):
        win.ask(operations.lock_script("lab", HOLDER))
        assert win.ask(SCRIPTS["destroy"]()).values == {"changed": "0"}
        assert win.node("lock").exists()

    def test_no_node_no_command(self, win):
        answer = win.ask(SCRIPTS["command"]())
        assert answer.error == "this cluster has no node on this host"

    def test_the_first_token_stays(self, win):
        assert win.ask(token_script("lab")).error == "there is no token on the head"
        assert win.ask(token_script("lab"), RF_TOKEN="one").values["token"] == "one"
        assert win.ask(token_script("lab"), RF_TOKEN="two").values["token"] == "one"


class TestInTheContainer:
    @pytest.fixture(autouse=True)
    def runs(self, win):
        win.has("service", "docker")

    def test_a_job_s_folder_is_read_by_the_driver(self, win):
        archive, old = (win.node(f"rayfab-job-{n}.tar.gz") for n in "12")
        archive.write_bytes(b"\0 an archive")
        old.touch()
        os.utime(old, (time.time() - 90_000,) * 2)
        where = rf"C:\Users\me\.rayfab\lab\{archive.name}"
        words = ["python", "job.py", 'a "b"']
        spec = {"do": "submit", "job": "raysubmit_1", "user": "it's me"}
        assert win.ask(operations.submit_script(samples.host("head"), "lab", spec, where, words)).ok
        argv = (win.home / "docker.argv").read_text().split("\0")[:-1]
        python = ["python", "-W", "ignore", "-c", operations._driver("submit")]
        assert argv[-13:-8] == python
        assert json.loads(argv[-8]) == spec and argv[-7:] == ["", "folder", "", "", *words]
        assert (win.home / "docker.fed").read_bytes() == b"\0 an archive"
        assert not archive.exists() and not old.exists()

    def test_a_program_that_is_not_there(self, win):
        stand_in(win.home.parent / "bin", "docker", INSIDE)
        answer = win.ask(operations.command_script("lab", ["a | b"]))
        assert (answer.status, answer.values["missing"]) == (127, "127")
        assert answer.chatter == "a | b: there is no such program\n"

    @pytest.mark.parametrize("status", [7, 127])
    def test_a_program_that_ends_so(self, win, status):
        stand_in(win.home.parent / "bin", "docker", INSIDE)
        answer = win.ask(operations.command_script("lab", ["sh", "-c", f"echo here; exit {status}"]))
        assert (answer.status, answer.values, answer.chatter) == (status, {}, "here\n")


class TestLogs:
    def test_of_the_newest_session_which_no_link_tells(self, win):
        for day in ("01", "02"):
            logs = win.at(rf"tmp\ray\session_2026-01-{day}_03\logs")
            logs.mkdir(parents=True)
            (logs / "raylet.out").write_text("".join(f"{day} {n}\n" for n in range(5)) + "é\n")
        win.at(r"tmp\ray\session_latest").symlink_to("/nowhere")
        script = operations.logs_script(samples.host(), "lab", ["raylet.*", "nothing"], 3, follow=False)
        assert win.ask(script).texts == {"log:raylet.out": ["02 3", "02 4", "é"]}

    def test_that_are_huge_are_not_read_whole(self, win):
        logs = win.at(r"tmp\ray\session_2026-01-01_03\logs")
        logs.mkdir(parents=True)
        (logs / "raylet.out").write_text("".join(f"line {n}\n" for n in range(200_000)))
        script = operations.logs_script(samples.host(), "lab", ["raylet.*"], 2, follow=False)
        assert win.ask(script).texts == {"log:raylet.out": ["line 199998", "line 199999"]}

    def test_where_there_are_none(self, win):
        answer = win.ask(SCRIPTS["logs"]())
        assert answer.ok
        assert answer.values["note"] == r"no Ray session in C:\Users\me\tmp\ray"


class Listener(io.BytesIO):
    """Takes what a follower writes; each time that it says it is alive, the next of ``events`` happens."""

    def __init__(self, *events):
        super().__init__()
        self.events, self.gone = list(events), False

    def write(self, data):
        if data == b"rfmark alive\n" and self.events:
            self.events.pop(0)()
        elif self.gone or data == b"rfmark alive\n":
            self.gone = True
            raise BrokenPipeError(32, "the reader has gone")
        return super().write(data)


def test_following_goes_on_through_rotation_and_into_a_new_session(win):
    def session(day):
        logs = win.at(rf"tmp\ray\session_2026-01-{day}_03\logs")
        logs.mkdir(parents=True)
        return logs

    def grow():
        with (first / "raylet.out").open("a") as file:
            file.write("e\nhalf")

    def finish():
        with (first / "raylet.out").open("a") as file:
            file.write(" a line\n")

    first = session("01")
    (first / "raylet.out").write_text("a\nb\nc\nd\n")
    told = Listener(grow, finish, lambda: (session("02") / "raylet.out").write_text("new\n"), lambda: None)
    script = operations.logs_script(samples.host(), "lab", ["raylet.*"], 2, follow=True)
    sent = io.BytesIO(wrap(windows.text_of(script), "rfmark", {}))
    with pytest.raises(PSError, match="the reader has gone"):
        Shell(types(win.machine, sent, told), win.machine.environment()).run(BOOTSTRAP)
    lines = []
    Reader("rfmark", on_line=lines.append).stdout(told.getvalue())
    assert [line for line in lines if line != "alive"] == [
        f"|raylet.out| {text}" for text in ("c", "d", "e", "half a line", "new")
    ]


class TestLock:
    def test_the_lock_has_one_holder(self, win):
        assert win.ask(operations.lock_script("lab", HOLDER)).values == {"locked": "1"}
        answer = win.ask(operations.lock_script("lab", "bob"), ends=THEIRS)
        assert (answer.ok, answer.values) == (True, {"held": HOLDER})

    def test_that_died_is_taken_over(self, win):
        win.ask(operations.lock_script("lab", HOLDER))
        win.machine.connected(MINE, now=False)
        answer = win.ask(operations.lock_script("lab", "bob"), ends=THEIRS)
        assert answer.values == {"stale": HOLDER, "locked": "1"}

    def test_is_given_back_by_its_holder_alone(self, win):
        win.ask(operations.lock_script("lab", HOLDER))
        win.ask(operations.unlock_script("lab", HOLDER), ends=THEIRS)
        assert win.ask(operations.lock_script("lab", "bob"), ends=THEIRS).values == {"held": HOLDER}
        win.ask(operations.unlock_script("lab", HOLDER))
        assert not win.at(".rayfab").exists()

    def test_the_head_remembers_what_was_changed(self, win):
        win.ask(operations.lock_script("lab", HOLDER))
        win.at(".rayfab/lab/state.json").write_text("{}")
        for text in ("1", "2"):
            assert win.ask(operations.unlock_script("lab", HOLDER, history=f'{{"id": "{text}"}}')).ok
        assert win.ask(operations.history_script("lab")).texts["history"] == ['{"id": "1"}', '{"id": "2"}']

    def test_a_head_takes_over_what_it_does_not_remember(self, win):
        win.at(".rayfab/lab").mkdir(parents=True)
        win.at(".rayfab/lab/history.jsonl").write_text("{2}\n{9}\n")
        script = head_files.write_script("lab", "", token=False, history="{1}\n{2}\n{it's 3}")
        assert win.ask(script).ok
        assert win.ask(operations.history_script("lab")).texts["history"] == ["{1}", "{it's 3}", "{2}", "{9}"]

    def test_of_many_at_once_one_has_it(self, win):
        win.ask(operations.lock_script("lab", HOLDER))
        win.machine.connected(MINE, now=False)
        everybody = [((f"10.0.1.{n}", 50000), ("10.0.0.9", 22)) for n in range(6)]
        for ends in everybody:
            win.machine.connected(ends, now=True)
        start = threading.Barrier(len(everybody))

        def take(ends):
            start.wait()
            return win.ask(operations.lock_script("lab", f"from {ends[0][0]}"), ends=ends).values

        with ThreadPoolExecutor(len(everybody)) as pool:
            said = list(pool.map(take, everybody))
        assert sorted("locked" in values for values in said) == [False] * 5 + [True]
        (winner,) = (f"from {ends[0][0]}" for ends, v in zip(everybody, said, strict=True) if "locked" in v)
        assert {v["held"] for v in said if "held" in v} == {winner}


def test_open_and_closed_ports_are_distinguished(win):
    with socket.create_server(("127.0.0.1", 0)) as open_one, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ports = [open_one.getsockname()[1], closed.getsockname()[1]]
        lines = [f"head 127.0.0.1 {port} theirs" for port in ports]
        answer = win.ask(operations.reach_script("lab", "me", [], lines, token="t", seconds=2))
    assert answer.all["reach"] == [f"head {ports[0]} open", f"head {ports[1]} refused"]


def test_an_unforeseen_error_is_one_line(win):
    # a folder where a file is expected
    win.node("service").mkdir(parents=True)
    win.node("state.json").mkdir()
    win.flag("image")
    answer = win.ask(SCRIPTS["up-worker"](), RF_TOKEN="x")
    assert not answer.ok
    assert re.match(r"cannot write C:\\Users\\me\\.rayfab\\lab\\service: ", answer.error)
