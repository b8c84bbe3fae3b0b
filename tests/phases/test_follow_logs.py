"""`fab logs --follow`: Ctrl-C is its good end, and a host whose lines stop is a failure."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace

import pytest

from tasks.phases import follow_logs as following
from tasks.phases.follow_logs import follow_logs
from tasks.report.console import Console
from tasks.report.printer import Printer
from tasks.run.followed import Shown
from tasks.run.operate import operate
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.ssh import AuthFailed, Cancelled, ConnectionLost, Settings, Unreachable
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


def test_a_host_whose_login_fails_is_a_failure(followed):
    printed = Printed()
    code, said = followed(printed, ends=AuthFailed("no login as root", "look at the key"))
    assert code == 1 and printed.lines == ["first", "second"]
    assert "✗ head: no login as root\n  → look at the key" in said


def test_a_host_that_is_lost_is_connected_to_again_and_no_line_comes_twice(followed, monkeypatch):
    """Twice it does not answer, then it does, with the lines that came meanwhile."""
    answers = [Unreachable("head: away"), Unreachable("head: away"), None]

    def ask(script, *, on_line, **how):
        assert script.values["LINES_EACH"] == following.AGAIN
        for line in ("|raylet.out| first", "|raylet.out| second", "|raylet.out| third", "|raylet.err| new"):
            on_line(line)
        on_line("alive")
        on_line("|raylet.out| second")
        raise Cancelled("over")

    def connect(target, settings, tell):
        if error := answers.pop(0):
            raise error
        return SimpleNamespace(ask=ask, cancel=lambda: None, close=lambda: None)

    monkeypatch.setattr(following, "connect", connect)
    monkeypatch.setattr(following, "PAUSES", (0,))
    printed = Printed()
    code, said = followed(printed, ends=ConnectionLost("the connection to head broke"))
    assert printed.lines == ["first", "second", "third", "new", "second"]
    assert code == 0 and answers == []
    assert said.count("connecting again") == 1 and "head: connected again" in said


class TestShown:
    @staticmethod
    def after_a_loss(before, again):
        shown = Shown()
        for text in before:
            assert list(shown.new("f", text)) == [("f", text)]
        shown.lost()
        assert [one for text in again for one in shown.new("f", text)] == []
        return [text for _, text in shown.whole()]

    def test_what_was_shown_is_found_by_its_last_lines(self):
        assert self.after_a_loss(["a", "x", "x"], ["a", "x", "x", "x", "b"]) == ["x", "b"]

    def test_a_file_that_has_begun_anew_is_shown_from_its_start(self):
        assert self.after_a_loss(["a", "b"], ["c", "d"]) == ["c", "d"]

    def test_nothing_new_is_nothing(self):
        assert self.after_a_loss(["a", "b"], ["a", "b"]) == []


def test_a_printer_prints_to_a_console():
    """What stands for it here has the same attribute."""
    assert Printer(Console(io.StringIO()), 4, None).out.gone is False
