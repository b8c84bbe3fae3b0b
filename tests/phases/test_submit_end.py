"""How a job's run ends for the person who waits: with what the job came to, or with how to find it again."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tasks.phases.submit import submit
from tasks.report.console import Console
from tasks.run import job as jobs
from tasks.run.job import MARK, Asked
from tasks.run.operate import operate
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.ssh import Answer, ConnectionLost, Settings, Unfinished
from tests.script import samples

DONE = Answer(ok=True, ended=True, status=0)
KILLED = Answer(status=0, error="the script ended early with status 0")


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(jobs, "PAUSE", 0.01)
    monkeypatch.setattr(jobs, "PATIENCE", 0.0)


@pytest.fixture
def submitted(capsys):
    """submitted(end, ...): exit status, output, id and address of a job whose script ends like that.

    Each further end is that of a script that follows it, or stops it: (lines, how it ends).
    """

    def run(end, *further, says=("submitted",), wait=True, listens="127.0.0.1", ends=None, env=()):
        rounds = [
            ([f"{MARK}job JOB{what if what[0] == ':' else f' {what}'}" for what in says], end),
            *further,
        ]
        sent = []

        def ask(script, *, on_line, secrets, **how):
            spec = json.loads(shlex.split(re.search(r"^SPEC=.*", script.text, re.MULTILINE)[0])[0][5:])
            sent.append(spec)
            lines, end = rounds.pop(0)
            for line in lines:
                on_line(line.replace("JOB", spec["job"]))
            if not rounds:
                rounds.append(([], end))
            if isinstance(end, BaseException):
                raise end
            return end

        host = samples.host("head")
        host = host.model_copy(update={"ray": host.ray.model_copy(update={"dashboard_host": listens})})
        listed = Listed(host)
        connection = SimpleNamespace(ask=ask, cancel=lambda: None, close=lambda: None)
        made = Run(SimpleNamespace(name="lab"), Console(), [listed], Settings(), Options("submit"))
        made.put(listed.reached(connection).known(replace(samples.facts(), active=True)))
        code = operate(made, [submit(Asked(["python", "-c", "1"]), wait=wait, ends=ends)])
        run.sent = sent
        assert len({spec["job"] for spec in sent}) == 1
        return code, capsys.readouterr().out, sent[0]["job"], sent[0]["address"]

    return run


def commands(said: str) -> list[str]:
    return [
        " ".join(found).strip()
        for found in re.findall(r"^  fab jobs\b(?: (\w+) raysubmit_\w+)?( --follow)?", said, re.MULTILINE)
    ]


def test_a_job_that_succeeded(submitted):
    code, said, job, _ = submitted(DONE, says=("submitted", "succeeded"))
    assert code == 0 and f"job {job} succeeded" in said
    assert commands(said) == [] and "✗" not in said


def test_two_runs_have_two_jobs(submitted):
    assert submitted(DONE, says=("submitted", "succeeded"))[2] != submitted(DONE)[2]


def test_a_job_that_failed(submitted):
    code, said, *_ = submitted(Answer(ended=True, status=1), says=("submitted", ": failed: exit code 3"))
    assert code == 1 and "✗ the job did not succeed\n  → see its output above" in said
    assert commands(said) == []


@pytest.mark.parametrize(
    "end",
    [
        Unfinished(f"head: {KILLED.error}", "", KILLED),
        ConnectionLost("the connection to head broke"),
        KeyboardInterrupt(),
    ],
)
class TestNobodyWaitsAnyMore:
    def test_the_job_is_named_with_what_shows_and_what_stops_it(self, submitted, end):
        code, said, job, _ = submitted(end)
        assert code == (130 if isinstance(end, KeyboardInterrupt) else 1)
        assert f"! job {job} goes on on the cluster:" in said
        assert commands(said) == ["logs  --follow", "stop"] and said.count(job) >= 3
        assert "again" not in said.replace("tried again", "") and "nothing was changed" not in said

    def test_before_it_is_known_whether_there_is_one(self, submitted, end):
        code, said, job, _ = submitted(end, says=())
        assert code == (130 if isinstance(end, KeyboardInterrupt) else 1)
        assert f"! job {job} may have been submitted:" in said
        assert commands(said) == ["", "stop"]


@pytest.mark.parametrize("says", [(), ("submitted",)])
def test_a_status_0_without_a_job_or_its_end_is_a_failure(submitted, says):
    """As where something else has read what was meant for the driver."""
    code, said, *_ = submitted(DONE, says=says)
    assert code == 1
    assert ("the end of job" if says else "✗ no job was submitted") in said
    assert commands(said) == (["logs  --follow", "stop"] if says else [])


def test_without_waiting_the_next_commands_are_shown(submitted):
    code, said, *_ = submitted(DONE, wait=False)
    assert code == 0 and commands(said) == ["logs  --follow", "stop"]


@pytest.mark.parametrize(
    ("listens", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8265"),
        ("0.0.0.0", "http://127.0.0.1:8265"),
        ("::", "http://[::1]:8265"),
        ("10.0.0.1", "http://10.0.0.1:8265"),
    ],
)
def test_the_job_server_is_asked_where_it_listens(submitted, listens, address):
    assert submitted(DONE, listens=listens)[3] == address


LOST = ConnectionLost("the connection to head broke")
FAILED = Answer(ended=True, status=1)


class TestALinkThatGoesAway:
    @pytest.fixture(autouse=True)
    def patience(self, no_patience, monkeypatch):
        monkeypatch.setattr(jobs, "PATIENCE", 600.0)

    def test_the_job_is_followed_again_and_its_lines_are_shown_once(self, submitted):
        further = [([], LOST), ([f"{MARK}job JOB followed", "c", f"{MARK}job JOB succeeded"], DONE)]
        code, said, job, _ = submitted(LOST, ([f"{MARK}job JOB followed", "a", "b"], LOST), *further)
        assert code == 0, said
        assert [spec["do"] for spec in submitted.sent] == ["submit", "follow", "follow", "follow"]
        assert [spec.get("shown") for spec in submitted.sent] == [None, 0, 2, 2]
        assert said.count("tried again") == 2 and f"✓ job {job} is followed again" in said
        assert said.splitlines()[-1] == f"job {job} succeeded"

    def test_what_follows_it_is_killed_with_the_container_of_the_head(self, submitted):
        killed = Answer(ended=True, status=137, error="the script ended with status 137")
        again = ([f"{MARK}job JOB followed", f"{MARK}job JOB: failed: its driver has died"], FAILED)
        code, said, *_ = submitted(killed, again)
        assert code == 1 and "✗ the job did not succeed" in said
        assert commands(said) == []

    def test_a_head_that_has_forgotten_the_job(self, submitted):
        code, said, job, _ = submitted(LOST, ([f"{MARK}job JOB: gone"], FAILED))
        assert code == 1
        assert f"✗ job {job} is gone: the head has restarted without its state" in said
        assert f"→ fab jobs logs {job} shows its log" in said

    def test_a_job_that_never_got_there(self, submitted):
        code, said, *_ = submitted(LOST, ([f"{MARK}job JOB: gone"], FAILED), says=())
        assert code == 1 and "✗ no job was submitted: the connection broke before" in said
        assert submitted.sent[1]["sure"] is False

    def test_a_part_of_a_line_before_a_word_of_our_own_is_no_line(self, submitted):
        # the last empty one is the script's own
        submitted(
            LOST,
            ([f"50 %{MARK}the job server does not answer", " 100 %", "", ""], LOST),
            ([], KeyboardInterrupt()),
        )
        assert submitted.sent[2]["shown"] == 2


class TestCtrlC:
    def test_somebody_says_that_it_goes_on(self, submitted):
        code, said, job, _ = submitted(KeyboardInterrupt(), ends=lambda: False)
        assert code == 130 and f"! job {job} goes on on the cluster:" in said
        assert [spec["do"] for spec in submitted.sent] == ["submit"]

    def test_somebody_says_that_it_ends(self, submitted):
        stopped = ([f"{MARK}job JOB: stopped"], DONE)
        code, said, job, _ = submitted(KeyboardInterrupt(), stopped, ends=lambda: True)
        assert code == 130 and f"done: head: job {job} stopped" in said.replace("\n", " ")
        assert [spec["do"] for spec in submitted.sent] == ["submit", "stop"]
        assert commands(said) == []

    def test_and_it_cannot_be_stopped(self, submitted):
        code, said, *_ = submitted(KeyboardInterrupt(), ([], LOST), ends=lambda: True)
        assert code == 130 and "✗ the connection to head broke" in said
        assert commands(said) == ["logs  --follow", "stop"]
