"""Calm output: plain lines in a pipe, a live board on a terminal, and never a crash for a sign too many."""

from __future__ import annotations

import io
import threading
import time

import pytest
from rich.text import Text

from tasks.report import board as module
from tasks.report.console import Console


class TestInAPipe:
    def test_lines_are_plain(self, pipe, text):
        pipe.ok("Connect", "3 hosts, 0.4 s")
        pipe.ok("Start")
        pipe.bad("two: cannot connect", "is it on?")
        pipe.bad("no route")
        pipe.note("dry run")
        pipe.print()
        pipe.print(Text("coloured", "red"))
        assert text(pipe).splitlines() == [
            "✓ Connect  3 hosts, 0.4 s",
            "✓ Start",
            "✗ two: cannot connect",
            "  → is it on?",
            "✗ no route",
            "! dry run",
            "",
            "coloured",
        ]

    def test_a_long_line_stays_one_line(self, pipe, text):
        pipe.bad("x" * 500, "y z " * 200)
        assert [len(line.rstrip()) for line in text(pipe).splitlines()] == [502, 803]

    def test_what_looks_like_markup_or_an_emoji_is_text(self, pipe, text):
        pipe.ok("[red]ray[default][/red] :smile:")
        pipe.print("[bold]10.0.0.[1-3][/bold]")
        assert text(pipe).splitlines() == ["✓ [red]ray[default][/red] :smile:", "[bold]10.0.0.[1-3][/bold]"]

    def test_a_table_is_as_wide_as_it_needs_to_be(self, pipe, text):
        pipe.table(("host", "why"), [("a", "w" * 200), (Text("bb", "red"), "[red]")])
        assert text(pipe).splitlines() == ["host  why", "a     " + "w" * 200, "bb    [red]"]

    def test_nothing_is_drawn_while_a_phase_goes_well(self, pipe, text):
        with pipe.phase("Connect", 2) as board:
            board.step("a", "connecting")
            board.done("a")
        assert text(pipe) == ""

    def test_a_failure_is_said_at_once(self, pipe, text):
        with pipe.phase("Connect", 2) as board:
            board.fail("a", "timed out", "is it on?")
            assert text(pipe).splitlines() == ["  ✗ a: timed out", "    → is it on?"]

    def test_a_slow_host_is_named_while_it_runs(self, pipe, text, monkeypatch):
        monkeypatch.setattr(module, "SILENT_SECONDS", 0)
        with pipe.phase("Install", 1) as board:
            board.step("a", "downloading")
            deadline = time.monotonic() + 5
            while not text(pipe) and time.monotonic() < deadline:
                time.sleep(0.02)
        assert text(pipe) == "  a: downloading\n"

    def test_no_thread_is_left_when_a_phase_has_ended(self, pipe):
        before = threading.active_count()
        with pytest.raises(KeyError):
            with pipe.phase("Install", 1):
                raise KeyError
        assert threading.active_count() == before

    def test_quiet_says_only_what_went_wrong(self, pipe, text):
        pipe.quiet = True
        pipe.ok("Connect")
        with pipe.phase("Connect", 1) as board:
            board.step("a", "connecting")
        pipe.bad("broken")
        assert text(pipe) == "✗ broken\n"

    def test_colours_that_are_asked_for_change_nothing_else(self, monkeypatch, text):
        monkeypatch.setenv("FORCE_COLOR", "1")
        pipe = Console(io.StringIO())
        assert (pipe.live, pipe.width) == (False, None)
        pipe.table(("host", "why"), [("a", "w " * 100)])
        assert text(pipe).count("\n") == 2
        pipe.bad("broken")
        assert "\x1b[31m" in text(pipe)

    def test_a_table_s_cell_stays_in_its_line(self, pipe, text):
        pipe.table(("host", "why"), [("a", "one\ntwo\t three\r\n")])
        assert text(pipe).splitlines() == ["host  why", "a     one two three"]

    def test_a_long_text_goes_through_as_it_is(self, pipe, text):
        script = "printf '%s\\n' \"[red]$x\"\t# " + "x" * 300
        pipe.raw(script)
        assert text(pipe) == script + "\n"


class TestOnATerminal:
    def test_shows_who_does_what_and_clears_it_away(self, terminal, text):
        assert terminal.live
        with terminal.phase("Install", 2) as board:
            board.step("node-a", "downloading")
            time.sleep(0.3)
        assert "node-a" in text(terminal)
        assert "\x1b[2K" in text(terminal)

    def test_a_failure_from_several_threads_while_the_board_is_drawn(self, terminal, text):
        def work(name):
            for _ in range(20):
                board.step(name, "working")
                board.fail(name, "broke", "repair it")
                board.done(name)

        with terminal.phase("Install", 2) as board:
            threads = [threading.Thread(target=work, args=(f"n{n}",), daemon=True) for n in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=20)
            assert not any(thread.is_alive() for thread in threads), "the board waits for itself"
        assert text(terminal).count("broke") == 40

    @pytest.mark.parametrize(
        ("name", "value"), [("TERM", "dumb"), ("CI", "true"), ("CI", "1"), ("TTY_INTERACTIVE", "0")]
    )
    def test_nothing_is_drawn_where_that_would_fill_a_log(self, monkeypatch, terminal, name, value):
        monkeypatch.setenv(name, value)
        assert not Console(terminal.rich.file).live

    @pytest.mark.parametrize("value", ["", "0", "false"])
    def test_ci_that_is_none(self, monkeypatch, terminal, value):
        monkeypatch.setenv("CI", value)
        assert Console(terminal.rich.file).live

    def test_without_colours_it_is_drawn_anyway(self, monkeypatch, terminal, text):
        monkeypatch.setenv("NO_COLOR", "1")
        console = Console(terminal.rich.file)
        assert console.live
        console.bad("broken", "look at it")
        assert text(console) == "✗ broken\n  → look at it\n"

    def test_its_width_is_the_terminal_s(self, monkeypatch, terminal):
        monkeypatch.setenv("COLUMNS", "61")
        assert Console(terminal.rich.file).width == 61
        monkeypatch.setenv("TERM", "dumb")
        assert Console(terminal.rich.file).width == 61


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1", "utf-8"])
def test_signs_that_the_terminal_does_not_have_crash_nothing(encoding):
    raw = io.BytesIO()
    console = Console(io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    console.ok("集群 is up")
    console.table(("host", "why"), [("中文", "→ \udce4")])
    console.bad("…", "→")
    with console.phase("Install", 2) as board:
        board.fail("a", "broken", "look at it")
    assert b" is up\n" in raw.getvalue()


def test_plain_signs_stand_for_those_that_are_missing():
    raw = io.BytesIO()
    console = Console(io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    console.ok("up", "10–20 hosts…")
    console.bad("down", "fab logs")
    assert raw.getvalue().decode() == "+ up  10-20 hosts...\nx down\n  -> fab logs\n"


def test_nowhere_to_print_to(monkeypatch):
    """What some launchers make of a standard output that is closed."""
    monkeypatch.setattr("sys.stdout", None)
    console = Console()
    console.bad("broken", "look at it")
    console.table(("host",), [("a",)])
    assert not console.gone
