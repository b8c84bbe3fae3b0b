"""The one question: only a yes goes on, and without a terminal only --yes does."""

from __future__ import annotations

import io
import sys

import pytest
from invoke import Exit

from tasks.actions import consent
from tasks.report.console import Console
from tasks.run.failures import Stop


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def streams(monkeypatch):
    """streams("y\\n"): standard input, and a terminal as standard error, which is returned."""

    def use(typed: str | None, *, err=Tty):
        monkeypatch.setattr(sys, "stdin", None if typed is None else Tty(typed))
        monkeypatch.setattr(sys, "stderr", err())
        return sys.stderr

    return use


def ask(yes: bool = False) -> str:
    """Asks; what went to the output."""
    out = io.StringIO()
    consent.Consent(Console(out), yes)(
        ["stop stops Ray, which ends:", "  1 job: j"], "stop would end running work"
    )
    return out.getvalue()


@pytest.mark.parametrize("typed", ["y\n", "Y\n", " yes \n", "YES\n"])
def test_a_yes_goes_on(streams, typed, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    err = streams(typed)
    assert ask() == ""
    assert err.getvalue() == "! stop stops Ray, which ends:\n    1 job: j\nContinue? [y/N] "


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yy\n", "no\n", "yes please\n", "да\n"])
def test_everything_else_is_no(streams, typed):
    streams(typed)
    with pytest.raises(Stop) as stop:
        ask()
    assert (str(stop.value), stop.value.code) == ("nothing was changed", 1)


def test_an_answer_that_the_end_of_the_input_cut_off_is_no(streams):
    streams("y")
    with pytest.raises(Stop):
        ask()


def test_ctrl_c_is_an_interrupt(streams, monkeypatch):
    streams("y\n")

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.stdin, "readline", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask()


def test_bytes_that_are_no_text_are_no_yes(streams, monkeypatch):
    streams("")
    monkeypatch.setattr(sys.stdin, "readline", lambda: b"\xff".decode())
    with pytest.raises(Stop):
        ask()


@pytest.mark.parametrize("where", ["no stdin", "stdin is closed", "stderr is a file"])
class TestNobody:
    @pytest.fixture(autouse=True)
    def nobody(self, streams, where):
        if where == "no stdin":
            streams(None)
        elif where == "stdin is closed":
            streams("y\n")
            sys.stdin.close()
        else:
            streams("y\n", err=io.StringIO)

    def test_is_refused_with_two_and_names_the_flag(self):
        with pytest.raises(Stop) as stop:
            ask()
        assert stop.value.code == 2
        assert "nothing was changed" in str(stop.value)
        assert "--yes" in stop.value.hint

    def test_what_always_asks_is_refused_at_once(self):
        with pytest.raises(Exit) as refused:
            consent.insist("destroy", False)
        assert refused.value.code == 2
        assert "--yes" in refused.value.message

    def test_with_the_flag_all_is_said_and_nothing_asked(self):
        consent.insist("destroy", True)
        assert ask(yes=True) == "! stop stops Ray, which ends:\n    1 job: j\n"
