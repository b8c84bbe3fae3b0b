"""How `fab exec` ends: never with 0 unless every host said 0, and with what may still be running."""

from __future__ import annotations

import re
import shlex
from types import SimpleNamespace

import pytest

from tasks.phases.run_command import run_command
from tasks.report.console import Console
from tasks.run.operate import operate
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.ssh import Answer, ConnectionLost, Settings, Unfinished
from tests.script import samples

OK = Answer(ok=True, ended=True, status=0)


@pytest.fixture
def ran(capsys):
    """ran(ends, ...): exit status and output of a command that ends like that on each host, by the host's name."""

    def run(ends, *words, system="posix"):
        def connection(end):
            def ask(script, **how):
                if isinstance(end, BaseException):
                    raise end
                return end

            return SimpleNamespace(ask=ask, system=system, cancel=lambda: None, close=lambda: None)

        hosts = [samples.host(name) for name in ends]
        hosts = [host.model_copy(update={"name": name}) for host, name in zip(hosts, ends, strict=True)]
        cluster = SimpleNamespace(name="lab", parallel=5)
        made = Run(cluster, Console(), [Listed(host) for host in hosts], Settings(), Options("exec"))
        for node, end in zip(made.every(), ends.values(), strict=True):
            made.put(node.reached(connection(end)))
        return operate(made, [run_command(words or ("sleep", "600"))]), capsys.readouterr().out

    return run


def test_all_said_0(ran):
    code, said = ran({"head": OK, "worker": OK})
    assert code == 0 and "still run" not in said


@pytest.mark.parametrize(
    "end",
    [
        Unfinished("worker: the script was killed", "", Answer()),
        ConnectionLost("the connection to worker broke"),
    ],
)
def test_one_that_did_not_answer_is_a_failure_and_its_command_may_still_run(ran, end):
    code, said = ran({"head": OK, "worker": end})
    assert code == 1
    assert str(end) in said and "! sleep may still run on worker:" in said
    assert "fab exec --limit worker -- pkill -f 'sleep 600$'    end it" in said


def test_a_status_is_a_failure_and_nothing_goes_on(ran):
    code, said = ran({"head": OK, "worker": Answer(ended=True, status=7)})
    assert code == 1 and "ended with status 7" in said and "still run" not in said


def test_ctrl_c_names_the_hosts_on_which_it_may_still_run(ran, monkeypatch):
    monkeypatch.setattr("tasks.run.run.fan_out", interrupted)
    code, said = ran({"head": OK, "worker": ConnectionLost("ended from this side")})
    assert code == 130
    assert "✗ interrupted" in said and "nothing was changed" not in said
    assert "! sleep may still run on worker:" in said


def interrupted(items, work, **how):
    """All have begun, and only some have answered, when Ctrl-C comes."""
    for item in items:
        try:
            work(item)
        except ConnectionLost:
            continue
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "words",
    [
        ("python", "train.py", "a+b[0]"),
        ("sh", "-c", "echo 'x y' | cat"),
        ("sleep", "1" * 90),
        ("a", "b\\c\n(d"),
    ],
)
def test_the_command_that_ends_it_finds_that_process_and_no_other(ran, words):
    _, said = ran({"head": ConnectionLost("x")}, *words)
    (line,) = [line for line in said.splitlines() if "pkill" in line]
    pattern = shlex.split(line.strip().rpartition("   ")[0])[-1]
    # pgrep looks for it in the arguments with blanks between them
    assert re.search(pattern, " ".join(words).splitlines()[0])
    assert not re.search(pattern, "python other.py")


def test_windows_has_programs_of_its_own(ran):
    assert "taskkill /F" in ran({"head": ConnectionLost("x")}, system="windows")[1]
