"""How a job's run ends for the person who waits: with what the job came to, or with how to find it again."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tasks.phases.submit import submit
from tasks.report.console import Console
from tasks.run.failures import Stop
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.ssh import Answer, ConnectionLost, Settings, Unfinished
from tests.script import samples

LINE = "job raysubmit_1 submitted"
COMMANDS = ("ray job logs --follow --address http://127.0.0.1:8265 raysubmit_1", "ray job stop --address")


def submitted(end, *, begun=True, wait=True):
    """Runs a job whose script ends like that."""

    def ask(script, *, on_line, **how):
        if begun:
            on_line(LINE)
        if isinstance(end, BaseException):
            raise end
        return end

    host = samples.host("head")
    listed, connection = Listed(host), SimpleNamespace(ask=ask)
    run = Run(SimpleNamespace(name="lab"), Console(), [listed], Settings(), Options("submit"))
    run.put(listed.reached(connection).known(replace(samples.facts(), active=True)))
    submit(["python", "-c", "1"], wait=wait)(run)


def test_a_script_that_did_not_finish_is_a_failure(capsys):
    answer = Answer(status=0, error="the script ended early with status 0")
    with pytest.raises(Stop, match=f"head: {answer.error}") as stop:
        submitted(Unfinished(f"head: {answer.error}", "", answer))
    assert stop.value.code == 1
    said = capsys.readouterr().out
    assert "job raysubmit_1 is running on the cluster" in said
    assert all(command in said for command in COMMANDS)


@pytest.mark.parametrize("end", [ConnectionLost("head: the connection is lost"), KeyboardInterrupt()])
def test_an_interrupted_wait_tells_how_to_find_the_job(end, capsys):
    with pytest.raises(type(end)):
        submitted(end)
    said = capsys.readouterr().out
    assert all(command in said for command in COMMANDS)
    with pytest.raises(type(end)):
        submitted(end, begun=False)
    assert capsys.readouterr().out == ""


def test_a_job_that_failed(capsys):
    with pytest.raises(Stop, match="the job did not succeed"):
        submitted(Answer(ended=True, status=1))
    assert capsys.readouterr().out == f"{LINE}\n"


def test_a_job_that_succeeded(capsys):
    submitted(Answer(ok=True, ended=True, status=0))
    assert capsys.readouterr().out == f"{LINE}\n"


def test_without_waiting_the_next_commands_are_shown(capsys):
    submitted(Answer(ok=True, ended=True, status=0), wait=False)
    said = capsys.readouterr().out
    assert all(command in said for command in COMMANDS)


def test_a_run_without_a_job_is_a_failure_whatever_its_status():
    """As where a program between here and the job server has taken the driver's place."""
    with pytest.raises(Stop, match="no job was submitted") as stop:
        submitted(Answer(ok=True, ended=True, status=0), begun=False)
    assert stop.value.code == 1 and stop.value.hint
