"""Scripts that look, fetch or run something: token, logs, reach, driver, command, submit; run for real."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import threading
import time
from pathlib import Path

import pytest

from tasks.node import operations
from tasks.node.logfiles import Query, of_job, patterns
from tasks.node.names import basics
from tasks.node.start import token_script
from tasks.script import script
from tasks.script.script import Script
from tests.script import samples
from tests.script.shells import SHELLS, ask, finish, only, spawn, stand_in, tool


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


@pytest.fixture
def node(tmp_path):
    """The cluster's folder on a host."""
    folder = tmp_path / ".rayfab/lab"
    folder.mkdir(parents=True)
    return folder


class TestToken:
    def test_made_where_there_is_none(self, shell, tmp_path):
        answer = ask(token_script("lab"), shell, tmp_path, secrets={"RF_TOKEN": "new"})
        assert answer.values == {"token": "new"}
        file = tmp_path / ".rayfab/lab/token"
        assert file.read_text() == "new"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert [p.name for p in file.parent.iterdir()] == ["token"]

    def test_kept_where_there_is_one(self, shell, tmp_path, node):
        (node / "token").write_text("old\n")
        answer = ask(token_script("lab"), shell, tmp_path, secrets={"RF_TOKEN": "new"})
        assert answer.values == {"token": "old"}

    def test_none_there_and_none_offered(self, shell, tmp_path):
        answer = ask(token_script("lab"), shell, tmp_path)
        assert not answer.ok
        assert answer.error == "there is no token on the head"
        assert answer.hint == "fab deploy-cluster makes one"


class TestLogs:
    @pytest.fixture
    def temp(self, tmp_path):
        """Ray's folder with one session in it."""
        logs = tmp_path / "temp/session_2026-01-02_03-04-05_000000_1/logs"
        logs.mkdir(parents=True)
        (tmp_path / "temp/session_latest").symlink_to(logs.parent)
        (logs / "raylet.out").write_text("".join(f"line {n}\n" for n in range(1, 51)))
        (logs / "raylet.err").write_text("no end of line")
        (logs / "gcs_server.out").write_bytes(b"  kept blanks\n\n\xff bytes & / \\1\n")
        (logs / "worker-1.out").write_text("not asked for\n")
        (logs / "raylet.d").mkdir()
        return tmp_path / "temp"

    @staticmethod
    def script(temp: Path, components: list[str], lines: int = 20, body: str = "logs") -> script.Script:
        values = {**basics("lab"), "TEMP_DIR": str(temp), "LINES_EACH": lines}
        values["PATTERNS"] = patterns(components)
        return script.render("read logs", body, values)

    def test_the_last_lines_of_every_file(self, shell, tmp_path, temp, node):
        (node / "start.log").write_text("Ray runtime started\n")
        answer = ask(self.script(temp, ["start", "raylet", "gcs"], 3), shell, tmp_path)
        assert answer.ok
        assert answer.texts == {
            "log:start.log": ["Ray runtime started"],
            "log:raylet.out": ["line 48", "line 49", "line 50"],
            "log:raylet.err": ["no end of line"],
            "log:gcs_server.out": ["  kept blanks", "", "\ufffd bytes & / \\1"],
        }

    def test_the_start_before_where_this_one_is_silent(self, shell, tmp_path, temp, node):
        (node / "start.log").write_text("")
        (node / "start.log.1").write_text("died\n")
        answer = ask(self.script(temp, ["start"]), shell, tmp_path)
        assert answer.texts == {"log:start.log.1": ["died"]}

    def test_a_missing_session_is_noted(self, shell, tmp_path):
        answer = ask(self.script(tmp_path / "none", ["raylet"]), shell, tmp_path)
        assert answer.ok and answer.texts == {}
        assert answer.values == {"note": f"no Ray session in {tmp_path}/none"}

    @staticmethod
    def picked(temp: Path, **asked) -> script.Script:
        query = {"patterns": ("start", "raylet.*", "worker-*"), "lines": 50, **asked}
        made = operations.pick_script("lab", Query(**query))
        return script.render("read logs", "logs_pick", {**made.values, "TEMP_DIR": str(temp)})

    def test_only_the_lines_of_the_last_minutes(self, shell, tmp_path, temp, node):
        """Lines without a time belong to the one before; a file that nobody has written to since is not read."""
        logs, now = temp / "session_latest/logs", time.time()
        stamp = [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now - ago)) for ago in (700, 500)]
        (logs / "raylet.out").write_text(
            f"[{stamp[0]},123 I 1 1] old\n  of it\n[{stamp[1]},123 I 1 1] new\n  of it\n"
        )
        (logs / "raylet.err").write_text("without a time\n")
        os.utime(logs / "worker-1.out", (now - 4000, now - 4000))
        (node / "start.log").write_text(f"{stamp[0]},1\tINFO old\n{stamp[1]},1\tINFO new\n")
        answer = ask(self.picked(temp, age=600), shell, tmp_path)
        assert answer.ok and answer.stderr == ""
        assert answer.texts == {
            "log:raylet.out": [f"[{stamp[1]},123 I 1 1] new", "  of it"],
            "log:raylet.err": ["without a time"],
            "log:start": [f"{stamp[1]},1\tINFO new"],
        }

    @pytest.mark.parametrize("zone", ["UTC", "XXX-5:30", "XXX+11", "XXX-13"])
    def test_in_the_time_zone_of_the_host(self, shell, tmp_path, temp, node, zone, monkeypatch):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        stamps = [
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - ago)) for ago in (3700, 3500)
        ]
        monkeypatch.undo()
        time.tzset()
        (temp / "session_latest/logs/raylet.out").write_text(
            "".join(f"[{one},1 I 1 1] x\n" for one in stamps)
        )
        answer = ask(self.picked(temp, patterns=("raylet.out",), age=3600), shell, tmp_path, TZ=zone)
        assert answer.texts == {"log:raylet.out": [f"[{stamps[1]},1 I 1 1] x"]}

    def test_only_what_tells_of_failures_with_its_time(self, shell, tmp_path, temp, node):
        logs = temp / "session_latest/logs"
        (logs / "raylet.out").write_text(
            "[2026-01-02 03:04:05,1 I 1 1] fine\nTraceback (most recent call last):\n  File\nValueError: 'x'\n"
        )
        answer = ask(self.picked(temp, errors=True), shell, tmp_path)
        found = answer.texts["log:raylet.out"]
        assert found == [
            "2026-01-02 03:04:05|Traceback (most recent call last):",
            "2026-01-02 03:04:05|ValueError: 'x'",
        ]

    def test_of_a_job_also_workers_that_were_there_before_it(self, shell, tmp_path, temp, node):
        logs = temp / "session_latest/logs"
        for name, text in {
            "worker-a-02000000-7.out": "own\n",
            "worker-b-ffffffff-8.err": ":job_id:02000000\nlater\n",
            "worker-c-ffffffff-9.err": ":job_id:03000000\nother\n",
            "python-core-driver-02000000ffff_7.log": "core\n",
        }.items():
            (logs / name).write_text(text)
        answer = ask(self.picked(temp, patterns=of_job("02000000")), shell, tmp_path)
        assert set(answer.texts) == {
            "log:worker-a-02000000-7.out",
            "log:worker-b-ffffffff-8.err",
            "log:python-core-driver-02000000ffff_7.log",
        }

    def test_of_a_node_its_own_session_and_nothing_of_another_host(self, shell, tmp_path, temp, node):
        before = temp / "session_2026-01-01_00-00-00_000000_1/logs"
        before.mkdir(parents=True)
        (before / "raylet.out").write_text("Raylet of id, abcdef012 started\n")
        answer = ask(self.picked(temp, node_id="abcdef"), shell, tmp_path)
        assert answer.texts == {"log:raylet.out": ["Raylet of id, abcdef012 started"]}
        assert ask(self.picked(temp, node_id="abcdee"), shell, tmp_path).values == {"other": "1"}

    def test_collected_are_the_ends_of_files_within_a_bound(self, shell, tmp_path, temp, node):
        (node / "start.log").write_text("Ray runtime started\n")
        (node / "temp").write_text(f"{temp}\n")

        def made(mode, budget):
            return operations.collect_script("lab", mode, budget, 100)

        assert ask(made("size", 1000), shell, tmp_path).values == {"bytes": str(100 + 14 + 30 + 14)}
        assert ask(made("size", 120), shell, tmp_path).values == {"bytes": "120"}
        answer = ask(made("all", 1000), shell, tmp_path)
        session = "file:session_2026-01-02_03-04-05_000000_1"
        assert answer.ok and abs(int(answer.values["clock"]) - time.time()) < 60
        assert answer.texts[f"{session}:raylet.out"][-1] == "line 50"
        assert answer.texts[f"{session}:worker-1.out"] == ["not asked for"]
        assert answer.texts["file:start"] == ["Ray runtime started"]
        assert any("%" in line for line in answer.texts["system:df"])

    def test_follow_shows_new_lines_files_and_sessions(self, shell, tmp_path, temp, node):
        """New lines, a new file, a file that has no line end yet, and a new Ray session."""
        (node / "start.log").write_text("old start\n")
        logs = temp / "session_latest/logs"
        process = spawn(self.script(temp, ["start", "raylet"], 1, "follow"), shell, tmp_path)
        got: list[bytes] = []
        os.set_blocking(process.stdout.fileno(), False)

        def until(line: str) -> None:
            rest, end = b"", time.monotonic() + 60
            while time.monotonic() < end:
                rest += process.stdout.read() or b""
                *lines, rest = rest.split(b"\n")
                got.extend(ln for ln in lines if ln and not ln.endswith((b" alive", b" begin")))
                if line.encode() in got and not rest:
                    return
                time.sleep(0.05)
            raise AssertionError(f"{line!r} did not come; there came {got}")

        until("|raylet.out| line 50")
        until("|raylet.err| no end of line")
        until("|start.log| old start")
        with (logs / "raylet.out").open("a") as file:
            file.write("line 51\nline 52\n")
        with (logs / "raylet.err").open("a") as file:
            file.write("; it goes on\n")
        (logs / "raylet_new.log").write_text("not a raylet.* file\n")
        until("|raylet.err| ; it goes on")
        other = temp / "session_2026-01-02_04-00-00_000000_2/logs"
        other.mkdir(parents=True)
        (other / "raylet.out").write_text("the new raylet\n")
        (temp / "session_latest").unlink()
        (temp / "session_latest").symlink_to(other.parent)
        until("|raylet.out| the new raylet")
        assert sorted(got) == sorted(
            f"|{line}".encode()
            for line in (
                "raylet.out| line 50",
                "raylet.err| no end of line",
                "start.log| old start",
                "raylet.out| line 51",
                "raylet.out| line 52",
                "raylet.err| ; it goes on",
                "raylet.out| the new raylet",
            )
        )
        process.stdout.close()
        process.wait(10)
        process.stderr.close()


class TestReach:
    @pytest.fixture
    def ports(self):
        """One that answers and hangs up, as Ray's do to strangers, and one where nothing listens."""
        with socket.create_server(("127.0.0.1", 0)) as listens, socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            listens.settimeout(0.1)
            over = threading.Event()
            thread = threading.Thread(target=self.hang_up, args=(listens, over))
            thread.start()
            yield listens.getsockname()[1], bound.getsockname()[1]
            over.set()
            thread.join()

    @staticmethod
    def hang_up(server: socket.socket, over: threading.Event) -> None:
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                server.accept()[0].close()

    @staticmethod
    def made(ports) -> Script:
        lines = [f"head 127.0.0.1 {port} theirs" for port in ports]
        return operations.reach_script("lab", "me", [], lines, token="t", seconds=2)

    def test_open_and_closed(self, shell, tmp_path, ports):
        answer = ask(self.made(ports), shell, tmp_path)
        assert sorted(answer.all["reach"]) == sorted([f"head {ports[0]} open", f"head {ports[1]} refused"])

    @pytest.mark.parametrize("has", ["curl", "bash", "nothing", "python3 that only says how to get one"])
    def test_ports_are_tried_without_python(self, shell, tmp_path, ports, has):
        answer = ask(only(self.made(ports).text), shell, tmp_path, path=self.tools(tmp_path, has))
        if has in ("curl", "bash"):
            assert answer.all["reach"] == [f"head {ports[0]} open", f"head {ports[1]} refused"]
        else:
            assert answer.all["reach"] == [f"head {port} unknown" for port in ports]
        assert "listen" not in answer.all

    @pytest.mark.parametrize("has", ["python3", "bash", "curl"])
    def test_an_open_port_that_says_nothing(self, tmp_path, has):
        with socket.create_server(("127.0.0.1", 0)) as listens:
            port = listens.getsockname()[1]
            answer = ask(only(self.made([port]).text), "dash", tmp_path, path=self.tools(tmp_path, has))
        assert answer.all["reach"] == [f"head {port} open"]

    def test_two_hosts_find_each_other_and_a_third_one_in_the_place_of_the_second(self, tmp_path):
        """Two scripts at once, each listens; the first one is told a wrong name, too, and a port of a stranger."""
        with contextlib.ExitStack() as stack:
            free = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
            mine, yours, taken = (server.getsockname()[1] for server in free)
            free[0].close(), free[1].close()
            told = {
                "a": (mine, [f"b 127.0.0.1 {yours} ours", f"c 127.0.0.1 {yours} ours"], 1),
                "b": (yours, [f"a 127.0.0.1 {mine} ours", f"a 127.0.0.1 {taken} theirs"], 2),
            }
            found = {}

            def one(name):
                listen, lines, expect = told[name]
                script = operations.reach_script(
                    "lab", name, [listen, taken], lines, token="t", seconds=6, expect=expect
                )
                found[name] = ask(script, "dash", tmp_path).all

            threads = [threading.Thread(target=one, args=(name,)) for name in told]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert found["a"]["listen"] == [str(mine)]
        assert found["a"]["busy"] == [str(taken)]
        assert sorted(found["a"]["reach"]) == [f"b {yours} open", f"c {yours} other b"]
        assert sorted(found["b"]["reach"]) == sorted([f"a {mine} open", f"a {taken} open"])

    @staticmethod
    def tools(folder: Path, has: str) -> str:
        """A PATH with ``has`` and little else."""
        if has.startswith("python3 "):
            stand_in(folder / "bin", "python3", "echo 'no developer tools were found' >&2; exit 1")
        for name in ("timeout", "sed", *([has] if has in ("bash", "curl", "python3") else [])):
            (folder / "bin").mkdir(exist_ok=True)
            (folder / "bin" / name).symlink_to(tool(name))
        return str(folder / "bin")


class TestInTheNode:
    """Commands in the node's own environment, with a stand-in for it."""

    @pytest.fixture(autouse=True)
    def runs(self, tmp_path, node):
        (node / "service").write_text("loop")
        (node / "env.sh").write_text(
            f"PATH={tmp_path}/bin:$PATH\nexport COLOUR='deep blue'\nexport ARCHIVE={tmp_path}/precious\n"
        )
        (tmp_path / "precious").write_text("the user's")

    def test_a_command_gets_its_arguments_and_gives_its_status(self, shell, tmp_path):
        stand_in(tmp_path / "bin", "ray", 'echo "$COLOUR: $*"; echo to stderr >&2; exit 7')
        answer = ask(operations.command_script("lab", ["ray", "a  b", "$(id)"]), shell, tmp_path)
        assert answer.chatter == "deep blue: a  b $(id)\nto stderr\n\n"
        assert (answer.ok, answer.status) == (False, 7)

    @pytest.mark.parametrize("name", ["a | b", "nosuch", "./nosuch", "/nosuch", "", "emit", "cd", "*"])
    def test_a_program_that_is_not_there(self, shell, tmp_path, name):
        """Nothing of this project's script, and nothing of a shell, is taken for a program."""
        answer = ask(
            operations.command_script("lab", [name, "x"]), shell, tmp_path, path=f"{tmp_path}/none:/bin"
        )
        assert (answer.status, answer.values["missing"]) == (127, "127")
        assert answer.chatter.rstrip("\n") == f"{name}: there is no such program"

    @pytest.mark.parametrize("name", ["plain", "{}/bin/plain", "{}"])
    def test_a_file_that_is_no_program(self, shell, tmp_path, name):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/plain").write_text("")
        name = name.format(tmp_path)
        answer = ask(operations.command_script("lab", [name]), shell, tmp_path)
        assert (answer.status, answer.values["missing"]) == (126, "126")
        assert answer.chatter.rstrip("\n") == f"{name}: not executable"

    @pytest.mark.parametrize("status", [126, 127])
    def test_a_program_that_ends_as_if_it_were_not_there(self, shell, tmp_path, status):
        stand_in(tmp_path / "bin", "odd", f"exit {status}")
        answer = ask(operations.command_script("lab", ["odd"]), shell, tmp_path)
        assert (answer.status, answer.values) == (status, {})

    def test_a_driver_gets_its_spec_and_its_answer_is_read(self, shell, tmp_path):
        said = {"a": "it's & \\ 中文"}
        lines = ["noise", "RFSTEP 1 of 2", f"RF {json.dumps(said, ensure_ascii=False)}"]
        (tmp_path / "said").write_text("\n".join(lines) + "\n")
        text = 'cat >"$HOME/driver"; printf "%s" "$2" >"$HOME/spec"; cat "$HOME/said"; echo why >&2'
        stand_in(tmp_path / "bin", "python", text)
        made = operations.verify_script("lab", "10.0.0.1:6379", [("head", "10.0.0.1")], tasks=True, timeout=5)
        answer = ask(made, shell, tmp_path)
        assert answer.ok
        assert [json.loads(line) for line in answer.texts["answer"]] == [said]
        assert answer.texts["log"] == ["why"]
        spec = json.loads((tmp_path / "spec").read_text())
        expect = [["head", "10.0.0.1"]]
        assert spec == {
            "address": "10.0.0.1:6379", "expect": expect, "tasks": True, "timeout": 5, "answer": 30.0
        }  # fmt: skip
        assert (tmp_path / "driver").read_text() == operations._driver("verify")
        assert not (tmp_path / ".rayfab/lab/driver.err").exists()

    def test_submit_hands_the_archive_and_the_status_through(self, shell, tmp_path):
        stand_in(
            tmp_path / "bin",
            "python",
            'printf "%s\\0" "$@" >"$HOME/argv"; cat >"$HOME/read"; ls -A "$HOME/.rayfab/lab" >"$HOME/there"\n'
            "echo done >&2; exit 3",
        )
        archive, old = (tmp_path / f".rayfab/lab/rayfab-job-{n}.tar.gz" for n in "12")
        archive.write_bytes(b"\0 an archive\n")
        old.write_text("")
        os.utime(old, (time.time() - 90_000,) * 2)
        answer = ask(self.submit(str(archive)), shell, tmp_path)
        assert answer.status == 3 and answer.chatter.strip() == "done"
        python = ["-W", "ignore", "-c", operations._driver("submit")]
        job = [self.SPEC, str(archive.parent), "folder", "", f"{archive.parent}/jobs", *self.WORDS]
        assert (tmp_path / "argv").read_text().split("\0")[:-1] == [*python, *job]
        assert (tmp_path / "read").read_bytes() == b"\0 an archive\n"
        assert "rayfab-job" not in (tmp_path / "there").read_text(), (
            "its name is gone before the driver begins"
        )
        assert (tmp_path / "precious").exists(), "a variable of ray.env is not this script's own"

    def test_submit_without_a_folder(self, shell, tmp_path):
        stand_in(tmp_path / "bin", "python", 'cat >"$HOME/read"; printf "%s\\0" "$@" >"$HOME/argv"')
        assert ask(self.submit(""), shell, tmp_path).ok
        argv = (tmp_path / "argv").read_text().split("\0")[:-1]
        node = f"{tmp_path}/.rayfab/lab"
        assert argv[4:] == [self.SPEC, node, "", "", f"{node}/jobs", *self.WORDS]
        assert (tmp_path / "read").read_bytes() == b""
        assert (tmp_path / "precious").exists()

    def test_variables_of_a_job_come_before_its_folder_and_in_no_argument(self, shell, tmp_path):
        stand_in(
            tmp_path / "bin",
            "python",
            'cat >"$HOME/read"; cat /proc/[0-9]*/cmdline >"$HOME/all"; printf "%s\\0" "$@" >"$HOME/argv"; exit 3',
        )
        archive = tmp_path / ".rayfab/lab/rayfab-job-1.tar.gz"
        archive.write_bytes(b"\0 an archive\n")
        env = json.dumps({"TOKEN": "it's $(hidden)"})
        script = self.submit(str(archive), variables=True)
        answer = ask(script, shell, tmp_path, secrets={"RF_JOB_ENV": env})
        assert answer.status == 3
        assert (tmp_path / "read").read_bytes() == env.encode() + b"\n\0 an archive\n"
        assert (tmp_path / "argv").read_text().split("\0")[7] == "env"
        assert b"$(hidden)" not in (tmp_path / "all").read_bytes()

    WORDS = ("python", "job.py", "$(id) 'x'")
    SPEC = json.dumps({"do": "submit", "job": "raysubmit_1", "user": "it's me"})

    def submit(self, archive: str, **more: bool) -> Script:
        spec = json.loads(self.SPEC)
        return operations.submit_script(samples.host("head"), "lab", spec, archive, self.WORDS, **more)


def test_a_driver_needs_a_node(shell, tmp_path):
    made = operations.verify_script("lab", "10.0.0.1:6379", [], tasks=False, timeout=5)
    answer = ask(made, shell, tmp_path)
    assert answer.error == "this cluster has no node on this host"
    assert answer.hint == "fab deploy-cluster starts it"


def test_a_command_where_nothing_is_deployed(shell, tmp_path):
    answer = finish(spawn(operations.command_script("lab", ["echo", "hello  there"]), shell, tmp_path))
    assert answer.ok and answer.chatter == "hello  there\n\n"
