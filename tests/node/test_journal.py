"""The journal of jobs: its keeper really runs, beside a stand-in for Ray's job server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tasks.node import journal
from tests.script import samples
from tests.script.processes import until
from tests.script.shells import SHELLS, ask

NOW = time.time()


def job(id_: str, status: str = "RUNNING", begun: float = NOW - 100, **more: object) -> dict[str, object]:
    """A job as the job server of Ray lists it."""
    return {
        "type": "SUBMISSION",
        "submission_id": id_,
        "job_id": None,
        "status": status,
        "entrypoint": f"python {id_}.py",
        "message": f"Job is {status}.",
        "start_time": int(begun * 1000),
        "end_time": None,
        "metadata": {"rayfab_user": "me@here"},
        "runtime_env": {"env_vars": {"TOKEN": "a secret"}},
        "driver_agent_http_address": "http://10.0.0.2:52365",
        **more,
    }


class Server:
    """What answers in the place of the job server. ``jobs``: what it lists; None: it fails."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, object]] | None = []
        self.asked: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path == "/api/jobs/"
                server.asked.append(self.headers["Authorization"])
                self.send_response(500 if server.jobs is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(server.jobs).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server():
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "jobs").mkdir()
    return tmp_path / "jobs"


def listed(server: Server, folder: Path, **env: str) -> tuple[dict[str, journal.Entry], str]:
    """The jobs by id, and why the job server could not be asked."""
    words = [sys.executable, "-I", "-c", journal.program(), "list", str(folder), server.address]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, **env})
    assert done.stderr == ""
    lines = [line.removeprefix("RF ") for line in done.stdout.splitlines()]
    jobs, problem = journal.parse(lines)
    return {one.id: one for one in jobs}, problem


class TestWhatIsTakenDown:
    def test_a_job_as_ray_has_it(self, server, folder):
        server.jobs = [job("a", "FAILED", end_time=int(NOW * 1000), driver_exit_code=3)]
        found, problem = listed(server, folder)
        assert problem == "" and server.asked == ["Bearer "]
        one = found["a"]
        assert (one.status, one.entrypoint, one.user, one.exit) == ("FAILED", "python a.py", "me@here", 3)
        assert (one.message, one.node, one.known, one.over) == ("Job is FAILED.", "10.0.0.2", True, True)
        assert one.end == pytest.approx(NOW, abs=1) and one.start == pytest.approx(NOW - 100, abs=1)

    def test_variables_of_a_job_stay_out(self, server, folder):
        server.jobs = [job("a")]
        listed(server, folder)
        assert "secret" not in (folder / "a.json").read_text()

    def test_it_stays_when_ray_is_gone(self, server, folder):
        server.jobs = [job("a", "SUCCEEDED")]
        listed(server, folder)
        server.jobs = None
        found, problem = listed(server, folder)
        assert found["a"].status == "SUCCEEDED" and not found["a"].known
        assert problem.startswith("the job server does not answer: HTTP Error 500")

    def test_what_ended_before_stays_as_it_was(self, server, folder):
        server.jobs = [job("a", "SUCCEEDED")]
        listed(server, folder)
        server.jobs = [job("b")]
        found, _ = listed(server, folder)
        assert {id_: (one.status, one.known) for id_, one in found.items()} == {
            "a": ("SUCCEEDED", False),
            "b": ("RUNNING", True),
        }

    def test_what_ran_when_the_head_lost_its_state_is_lost(self, server, folder):
        server.jobs = [job("a")]
        listed(server, folder)
        os.utime(folder / "asked", (NOW - 40, NOW - 40))
        server.jobs = []
        one = listed(server, folder)[0]["a"]
        assert (one.status, one.over) == ("LOST", True)
        assert "restarted without its state" in one.message
        assert one.end == pytest.approx(NOW - 40, abs=1)

    def test_what_was_submitted_just_now_is_not(self, server, folder):
        server.jobs = [job("a", "PENDING", time.time())]
        listed(server, folder)
        server.jobs = []
        assert listed(server, folder)[0]["a"].status == "PENDING"

    def test_a_kept_state_brings_it_back(self, server, folder):
        server.jobs = [job("a")]
        listed(server, folder)
        server.jobs = []
        assert listed(server, folder)[0]["a"].status == "LOST"
        server.jobs = [job("a", "FAILED")]
        assert listed(server, folder)[0]["a"].status == "FAILED"

    def test_the_jobs_of_another_head(self, server, folder):
        before = [{"id": "a", "status": "FAILED", "start": 1}, {"id": "r", "status": "RUNNING", "start": 2}]
        (folder / "handed.jsonl").write_text(journal.handed_over(map(json.dumps, before), NOW - 3000))
        server.jobs = [job("b")]
        found, _ = listed(server, folder)
        assert {one.id: one.status for one in found.values()} == {"a": "FAILED", "r": "LOST", "b": "RUNNING"}
        assert found["r"].end == pytest.approx(NOW - 3000, abs=1)
        assert not found["a"].known and found["b"].known
        # what became of it stays
        server.jobs = None
        assert listed(server, folder)[0]["r"].status == "LOST"

    def test_a_job_that_ended_on_another_head_has_ended(self, server, folder):
        server.jobs = [job("a")]
        listed(server, folder)
        line = json.dumps({"id": "a", "status": "SUCCEEDED", "start": NOW - 100})
        (folder / "handed.jsonl").write_text(journal.handed_over([line], NOW))
        server.jobs = []
        assert listed(server, folder)[0]["a"].status == "SUCCEEDED"

    def test_a_file_that_is_none_is_passed_over(self, server, folder):
        (folder / "handed.jsonl").write_text("{\n[]")
        server.jobs = [job("b")]
        assert list(listed(server, folder)[0]) == ["b"]

    def test_a_driver_without_a_submission_is_no_job(self, server, folder):
        server.jobs = [job("a", submission_id=None)]
        assert listed(server, folder)[0] == {}

    def test_the_cluster_s_token(self, server, folder, tmp_path):
        (tmp_path / "token").write_text("t0\n")
        listed(server, folder, RAY_AUTH_TOKEN_PATH=str(tmp_path / "token"))
        listed(server, folder, RAY_AUTH_TOKEN="t1")
        assert server.asked == ["Bearer t0", "Bearer t1"]

    def test_any_id_is_a_file_s_name(self, server, folder):
        server.jobs = [job("../a b/ü")]
        assert list(listed(server, folder)[0]) == ["../a b/ü"]
        assert {path.name for path in folder.iterdir()} == {"asked", "..%2Fa%20b%2F%C3%BC.json"}

    def test_a_cluster_of_an_earlier_release_has_no_folder(self, server, folder):
        server.jobs = [job("a")]
        assert list(listed(server, folder / "none")[0]) == ["a"]

    def test_the_oldest_go_first(self, server, folder):
        server.jobs = []
        for number in range(1005):
            entry = {"id": f"j{number}", "status": "FAILED", "start": NOW - 5000 + number}
            (folder / f"j{number}.json").write_text(json.dumps(entry))
        (folder / "runs.json").write_text(
            json.dumps({"id": "runs", "status": "RUNNING", "start": time.time()})
        )
        found, _ = listed(server, folder)
        assert len(found) == 1000 and "runs" in found and "j5" not in found and "j6" in found
        assert not (folder / "j5.json").exists() and (folder / "j6.json").exists()


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "7", '{"id": 7}', '{"id": ""}', '{"status": "FAILED"}', '{"problem": 7}']
)
def test_what_is_no_entry_is_passed_over(line):
    assert journal.parse([line]) == ([], "")


def test_an_entry_that_somebody_has_written_controls_no_terminal():
    (one,), _ = journal.parse(
        [json.dumps({"id": "a", "message": "\x1b[2Jx\n", "start": "soon", "exit": True})]
    )
    assert one == journal.Entry("a", message=" [2Jx ")


def test_the_keeper_ends_with_what_has_started_it(server, folder):
    words = [sys.executable, "-I", "-c", journal.program(), "keep", str(folder), server.address]
    server.jobs = [job("a")]
    shell = subprocess.Popen(
        ["sh", "-c", '"$@" & echo $!; read line', "sh", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    keeper = int(shell.stdout.readline())
    until((folder / "a.json").exists)
    shell.communicate("\n")
    until(lambda: not Path(f"/proc/{keeper}").exists())


class TestFromTheHost:
    """The scripts, where Ray runs and where it does not."""

    @pytest.fixture(params=SHELLS)
    def host(self, request, tmp_path):
        node = tmp_path / ".rayfab/lab"
        (node / "jobs").mkdir(parents=True)

        def run(script):
            return ask(script, request.param, tmp_path)

        run.node = node
        return run

    def test_no_node(self, host):
        answer = host(journal.jobs_script(samples.host("head"), "lab"))
        assert answer.error == "this cluster has no node on this host"

    def test_a_node_that_does_not_run(self, host):
        (host.node / "service").write_text("loop")
        for id_ in ("a", "b"):
            (host.node / f"jobs/{id_}.json").write_text(json.dumps({"id": id_, "status": "FAILED"}) + "\n")
        handed = [{"id": "0", "status": "FAILED"}, {"id": "a", "status": "RUNNING"}]
        (host.node / "jobs/handed.jsonl").write_text(journal.handed_over(map(json.dumps, handed), 1.0))
        answer = host(journal.jobs_script(samples.host("head"), "lab"))
        assert answer.ok, answer
        assert answer.values["problem"] == "Ray does not run on the head"
        found = {one.id: one.status for one in journal.parse(answer.texts["job"])[0]}
        assert found == {"0": "FAILED", "a": "FAILED", "b": "FAILED"}

    def test_a_log_of_an_earlier_session(self, host, tmp_path):
        for folder, text in (("ray/session_1", "old\n"), ("before/session_0", "older\nlast")):
            (tmp_path / folder / "logs").mkdir(parents=True)
            (tmp_path / folder / f"logs/job-driver-{folder[-1]}.log").write_text(text)
        (host.node / "temp").write_text(f"{tmp_path}/ray\n")
        (host.node / "temps").write_text(f"{tmp_path}/before\n")
        answer = host(journal.log_script("lab", "1", "/tmp/ray"))
        assert answer.values["log"] == f"{tmp_path}/ray/session_1/logs/job-driver-1.log"
        assert answer.chatter == "old\n\n"
        answer = host(journal.log_script("lab", "0", "/tmp/ray"))
        assert [line for line in answer.chatter.splitlines() if line] == ["older", "last"]
        assert "log" not in host(journal.log_script("lab", "2", "/tmp/ray")).values
