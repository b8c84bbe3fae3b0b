"""`fab logs --follow`: Ctrl-C is its good end, and a host whose lines stop is a failure."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace

import pytest

from tasks.phases.read_logs import follow_logs
from tasks.report.console import Console
from tasks.report.printer import Printer
from tasks.run.operate import operate
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.ssh import Cancelled, ConnectionLost, Settings
from tests.script import samples


class Printed:
    """Where the lines go; Ctrl-C comes after ``until`` of them."""

    def __init__(self, until=100):
        self.lines, self.until, self.out = [], until, SimpleNamespace(gone=False)

    def __call__(self, lines):
        self.lines += [line.text for line in lines]
        if len(self.lines) >= self.until:
            raise KeyboardInterrupt


@pytest.fixture
def followed(capsys):
    def run(printed, *, ends=None):
        over = threading.Event()

        def ask(script, *, on_line, **how):
            on_line("|raylet.out| first")
            on_line("not a line of a log")
            on_line("|raylet.out| second")
            if ends:
                raise ends
            over.wait(30)
            raise Cancelled("head: stopped from this side")

        listed = Listed(samples.host("head"))
        made = Run(SimpleNamespace(name="lab"), Console(), [listed], Settings(), Options("logs"))
        made.put(listed.reached(SimpleNamespace(ask=ask, cancel=over.set, close=lambda: None)))
        return operate(made, [follow_logs(["raylet.*"], 5, printed)]), capsys.readouterr().out

    return run


def test_ctrl_c_ends_it_calmly(followed):
    printed = Printed(until=2)
    assert followed(printed) == (0, "")
    assert printed.lines == ["first", "second"]


def test_a_host_that_is_lost_is_a_failure(followed):
    printed = Printed()
    code, said = followed(printed, ends=ConnectionLost("the connection to head broke"))
    assert code == 1 and printed.lines == ["first", "second"]
    assert "✗ head: the connection to head broke\n  → did the host restart" in said


def test_a_printer_prints_to_a_console():
    """What stands for it here has the same attribute."""
    assert Printer(Console(io.StringIO()), 4, None).out.gone is False
