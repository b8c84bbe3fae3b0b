"""Calm output: plain lines in a pipe, a live board on a terminal, and never a crash for a sign too many."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console as Rich
from rich.text import Text

from tasks.report import console as module
from tasks.report.console import Board, Console, as_typed


class TestInAPipe:
    def test_lines_are_plain(self, pipe, text):
        pipe.ok("Connect", "3 hosts, 0.4 s")
        pipe.ok("Start")
        pipe.bad("two: cannot connect", "is it on?")
        pipe.bad("no way out")
        pipe.note("dry run")
        pipe.print()
        pipe.print(Text("coloured", "red"))
        assert text(pipe).splitlines() == [
            "✓ Connect  3 hosts, 0.4 s",
            "✓ Start",
            "✗ two: cannot connect",
            "  → is it on?",
            "✗ no way out",
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
                board.fail(name, "broke", "mend it")
                board.done(name)

        with terminal.phase("Install", 2) as board:
            threads = [threading.Thread(target=work, args=(f"n{n}",), daemon=True) for n in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=20)
            assert not any(thread.is_alive() for thread in threads), "the board waits for itself"
        assert text(terminal).count("broke") == 40

    def test_a_dumb_terminal_gets_plain_lines(self, monkeypatch, terminal):
        monkeypatch.setenv("TERM", "dumb")
        assert not Console(terminal.rich.file).live


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1", "utf-8"])
def test_signs_that_the_terminal_does_not_have_crash_nothing(encoding):
    raw = io.BytesIO()
    console = Console(io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    console.ok("集群 is up")
    console.table(("host", "why"), [("中文", "→")])
    console.bad("…", "→")
    assert b" is up\n" in raw.getvalue()


class TestBoard:
    @pytest.fixture
    def clock(self, monkeypatch):
        """Seconds that pass only when a test says so."""

        class Clock:
            now = 100.0

            def monotonic(self):
                return self.now

        made = Clock()
        monkeypatch.setattr(module, "time", made)
        return made

    @pytest.fixture
    def board(self, clock):
        self.file = io.StringIO()
        return Board("Install", 3, Rich(file=self.file))

    def lines(self):
        out = self.file.getvalue().splitlines()
        self.file.seek(0)
        self.file.truncate()
        return out

    def test_tick_is_silent_about_what_has_just_begun(self, board, clock):
        board.step("a", "downloading")
        clock.now += module.SILENT_SECONDS
        board.tick()
        assert self.lines() == []

    def test_tick_names_what_lasts(self, board, clock):
        board.step("a", "downloading")
        board.step("b", "starting")
        clock.now += module.SILENT_SECONDS + 0.1
        board.tick()
        assert self.lines() == ["  a: downloading", "  b: starting"]

    def test_tick_says_the_same_step_again_only_after_a_while(self, board, clock):
        board.step("a", "waiting for Ray, 1 s")
        clock.now += 3
        board.tick()
        assert self.lines() == ["  a: waiting for Ray, 1 s"]
        board.step("a", "waiting for Ray, 4 s")
        clock.now += module.REPEAT_SECONDS - 1
        board.tick()
        assert self.lines() == []
        board.step("a", "waiting for Ray, 13 s")
        clock.now += 1
        board.tick()
        assert self.lines() == ["  a: waiting for Ray, 13 s"]

    def test_tick_never_says_again_what_has_not_changed(self, board, clock):
        board.step("a", "ready; waiting for the head")
        clock.now += 3
        board.tick()
        clock.now += 10 * module.REPEAT_SECONDS
        board.tick()
        assert self.lines() == ["  a: ready; waiting for the head"]

    def test_tick_says_a_new_step_at_once(self, board, clock):
        board.step("a", "downloading")
        clock.now += 3
        board.tick()
        board.step("a", "starting")
        board.tick()
        assert self.lines() == ["  a: downloading", "  a: starting"]

    def test_tick_is_silent_about_who_has_ended(self, board, clock):
        board.step("a", "downloading")
        clock.now += 3
        board.done("a")
        board.tick()
        assert self.lines() == []

    def shown(self, board):
        file = io.StringIO()
        Rich(file=file, width=60).print(board)
        return [line.rstrip() for line in file.getvalue().splitlines()]

    def test_drawn(self, board, clock):
        board.step("a", "downloading")
        board.step("b", "x" * 100)
        board.done("c")
        clock.now += 12
        drawn = self.shown(board)
        assert drawn[0] == "Install  1/3  12 s"
        assert drawn[1].split() == ["a", "downloading"]
        assert len(drawn) == 3
        assert drawn[2].endswith("…")

    def test_many_hosts_fit_on_a_screen(self, board):
        for n in range(100):
            board.step(f"n{n}", "downloading")
        drawn = self.shown(board)
        assert len(drawn) == module.BOARD_ROWS + 2
        assert drawn[-1].strip() == "… and 88 more"


@pytest.mark.parametrize(
    ("hint", "typed"),
    [
        ("fab deploy-cluster starts it", "./fab deploy-cluster starts it"),
        ("run fab logs --host two; fab status", "run ./fab logs --host two; ./fab status"),
        ("see tasks/fab logs", "see tasks/fab logs"),
        ("prefab logs", "prefab logs"),
        ("fab", "fab"),
        ("", ""),
    ],
)
def test_a_way_out_is_said_as_the_user_types_it(monkeypatch, hint, typed):
    monkeypatch.setenv("RAYFAB_PROGRAM", "./fab")
    assert as_typed(hint) == typed


def test_a_reader_that_goes_away_early_gets_no_traceback():
    code = (
        "from tasks.report.console import Console\n"
        "c = Console()\n"
        "for n in range(20000): c.print('a line ' * 10)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    writer.stdout.readline()
    writer.stdout.close()
    assert b"Traceback" not in writer.stderr.read()
    writer.stderr.close()
    writer.wait(timeout=30)
