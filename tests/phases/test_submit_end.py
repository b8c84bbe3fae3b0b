"""How a job's run ends for the person who waits: with what the job came to, or with how to find it again."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tasks.phases.submit import submit
from tasks.report.console import Console
from tasks.run.operate import operate
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.ssh import Answer, ConnectionLost, Settings, Unfinished
from tests.script import samples

DONE = Answer(ok=True, ended=True, status=0)
KILLED = Answer(status=0, error="the script ended early with status 0")


@pytest.fixture
def submitted(capsys):
    """submitted(end, ...): exit status, output, id and address of a job whose script ends like that."""

    def run(end, *, says=("submitted",), wait=True, listens="127.0.0.1"):
        jobs = []

        def ask(script, *, on_line, **how):
            job = re.search(r"^JOB=(\S+)$", script.text, re.MULTILINE).group(1)
            jobs.append((job, re.search(r"^ADDRESS=(\S+)$", script.text, re.MULTILINE).group(1)))
            for what in says:
                on_line(f"job {job} {what}")
            if isinstance(end, BaseException):
                raise end
            return end

        host = samples.host("head")
        host = host.model_copy(update={"ray": host.ray.model_copy(update={"dashboard_host": listens})})
        listed = Listed(host)
        connection = SimpleNamespace(ask=ask, cancel=lambda: None, close=lambda: None)
        made = Run(SimpleNamespace(name="lab"), Console(), [listed], Settings(), Options("submit"))
        made.put(listed.reached(connection).known(replace(samples.facts(), active=True)))
        code = operate(made, [submit(["python", "-c", "1"], wait=wait)])
        (job,) = jobs
        return code, capsys.readouterr().out, *job

    return run


def commands(said: str) -> list[str]:
    return re.findall(r"^  fab exec --limit head -- ray job (\w+)", said, re.MULTILINE)


def test_a_job_that_succeeded(submitted):
    code, said, job, _ = submitted(DONE, says=("submitted", "succeeded"))
    assert code == 0 and f"job {job} succeeded" in said
    assert commands(said) == [] and "✗" not in said


def test_two_runs_have_two_jobs(submitted):
    assert submitted(DONE, says=("submitted", "succeeded"))[2] != submitted(DONE)[2]


def test_a_job_that_failed(submitted):
    code, said, *_ = submitted(Answer(ended=True, status=1))
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
        assert commands(said) == ["logs", "stop"] and said.count(job) >= 4
        assert "again" not in said.replace("second", "") and "nothing was changed" not in said

    def test_before_it_is_known_whether_there_is_one(self, submitted, end):
        code, said, job, _ = submitted(end, says=())
        assert code == (130 if isinstance(end, KeyboardInterrupt) else 1)
        assert f"! job {job} may have been submitted:" in said
        assert commands(said) == ["status", "stop"]


@pytest.mark.parametrize("says", [(), ("submitted",)])
def test_a_status_0_without_a_job_or_its_end_is_a_failure(submitted, says):
    """As where something else has read what was meant for the driver."""
    code, said, *_ = submitted(DONE, says=says)
    assert code == 1
    assert ("the end of job" if says else "✗ no job was submitted") in said
    assert commands(said) == (["logs", "stop"] if says else [])


def test_without_waiting_the_next_commands_are_shown(submitted):
    code, said, *_ = submitted(DONE, wait=False)
    assert code == 0 and commands(said) == ["logs", "stop"]


@pytest.mark.parametrize(
    ("listens", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8265"),
        ("0.0.0.0", "http://127.0.0.1:8265"),
        ("::", "'http://[::1]:8265'"),
        ("10.0.0.1", "http://10.0.0.1:8265"),
    ],
)
def test_the_job_server_is_asked_where_it_listens(submitted, listens, address):
    assert submitted(DONE, listens=listens)[3] == address
