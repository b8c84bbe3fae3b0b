"""The live board and its plain lines: who is at what, how far, and how long it takes."""

from __future__ import annotations

import io
import random

import pytest
from rich.cells import cell_len
from rich.console import Console as Rich

from tasks.report import board as module
from tasks.report.board import Board


class Clock:
    """Seconds that pass only when a test says so."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def file():
    return io.StringIO()


@pytest.fixture
def board(clock, file):
    return Board("Install", 3, Rich(file=file))


@pytest.fixture
def said(file):
    """The lines that have been printed since the last time."""

    def lines() -> list[str]:
        out = file.getvalue().splitlines()
        file.seek(0)
        file.truncate()
        return out

    return lines


def drawn(board: Board, width: int = 80, height: int = 24) -> list[str]:
    file = io.StringIO()
    # without colours a bar has only the part that is done
    rich = Rich(file=file, width=width, height=height, force_terminal=True, color_system=None)
    rich.print(board)
    return [line.rstrip() for line in file.getvalue().splitlines()]


class TestPlainLines:
    def test_silent_about_what_has_just_begun(self, board, clock, said):
        board.step("a", "downloading")
        clock.now += module.SILENT_SECONDS
        board.tick()
        assert said() == []

    def test_name_what_lasts(self, board, clock, said):
        board.step("a", "downloading")
        board.step("b", "starting")
        clock.now += module.SILENT_SECONDS + 0.1
        board.tick()
        assert said() == ["  a: downloading", "  b: starting"]

    def test_say_the_same_step_again_only_after_a_while(self, board, clock, said):
        board.step("a", "waiting for Ray, 1 s")
        clock.now += 3
        board.tick()
        assert said() == ["  a: waiting for Ray, 1 s"]
        board.step("a", "waiting for Ray, 4 s")
        clock.now += module.REPEAT_SECONDS - 1
        board.tick()
        assert said() == []
        board.step("a", "waiting for Ray, 13 s")
        clock.now += 1
        board.tick()
        assert said() == ["  a: waiting for Ray, 13 s"]

    def test_never_say_again_what_has_not_changed(self, board, clock, said):
        board.step("a", "ready; waiting for the head")
        clock.now += 3
        board.tick()
        clock.now += 10 * module.REPEAT_SECONDS
        board.tick()
        assert said() == ["  a: ready; waiting for the head"]

    def test_say_a_new_step_at_once(self, board, clock, said):
        board.step("a", "downloading")
        clock.now += 3
        board.tick()
        board.step("a", "starting")
        board.tick()
        assert said() == ["  a: downloading", "  a: starting"]

    def test_a_count_at_the_beginning_is_the_same_step(self, board, clock, said):
        board.step("a", "1 of 500 nodes have run a task")
        clock.now += 3
        board.tick()
        board.step("a", "2 of 500 nodes have run a task")
        board.tick()
        assert said() == ["  a: 1 of 500 nodes have run a task"]

    def test_silent_about_who_has_ended(self, board, clock, said):
        board.step("a", "downloading")
        clock.now += 3
        board.done("a")
        board.tick()
        assert said() == []

    def test_percent_and_estimate_every_ten_seconds(self, board, clock, said):
        for second in range(31):
            board.step("a", f"fetching packages, {10 * second} of 400 MB")
            board.tick()
            clock.now += 1
        assert said() == [
            "  a: fetching packages, 30 of 400 MB, 7%, about 40 s left",
            "  a: fetching packages, 130 of 400 MB, 32%, about 30 s left",
            "  a: fetching packages, 230 of 400 MB, 57%, about 20 s left",
        ]

    def test_of_layers_no_estimate_is_made_up(self, board, clock, said):
        for second in range(14):
            board.step("a", f"pulling ray:2.60.0, 7 MB, {second} of 20 layers, {second} s")
            board.tick()
            clock.now += 1
        assert said()[-1] == "  a: pulling ray:2.60.0, 7 MB, 13 of 20 layers, 13 s"

    def test_many_hosts_are_one_line(self, clock, file, said):
        board = Board("Install", 500, Rich(file=file))
        for second in range(25):
            if second % 8 == 0:
                for n in range(50):
                    if second:
                        board.done(f"n{second}-{n}")
                    board.step(f"n{second + 8}-{n}", "fetching packages, 1 of 2 MB")
            clock.now += 1
            board.tick()
        assert said() == [
            "  Install: 50 of 500 hosts, 10 s, about 1 min left",
            "  Install: 100 of 500 hosts, 20 s, about 1 min left",
        ]


class TestDrawn:
    def test_the_bar_counts_the_hosts(self, board, clock):
        board.step("a", "downloading")
        board.step("b", "x" * 100)
        board.done("c")
        clock.now += 12
        assert drawn(board) == [
            "Install  ━━━━━━╸               1/3  12 s",
            "  a  downloading",
            "  b  " + "x" * 74 + "…",
        ]

    def test_one_thing_has_no_bar_of_hosts(self, clock):
        board = Board("Verify", 1, Rich())
        clock.now += 125
        board.step("a", "starting Ray")
        assert drawn(board) == ["Verify  2:05", "  a  starting Ray"]

    def test_the_board_fits_every_width(self, board, clock, kept):
        self.fill(board, clock)
        kept("board", {width: drawn(board, width) for width in (120, 80, 60, 40)})

    def fill(self, board, clock):
        board.step("node-2", "pulling rayproject/ray:2.60.0, 3 of 12 layers, 7 s")
        for second in range(5):
            board.step("node-1", f"fetching packages, {30 * second} of 340 MB")
            clock.now += 1 if second < 4 else 0
        board.step("node-3", "1 of 3 nodes have run a task")

    def test_many_hosts_fit_on_a_screen(self, board):
        for n in range(100):
            board.step(f"n{n}", "downloading")
        assert len(drawn(board)) == module.BOARD_ROWS + 2
        assert drawn(board)[-1] == "  … and 88 more"
        assert len(drawn(board, height=8)) == 7

    @pytest.mark.parametrize("width", range(1, 60))
    def test_no_terminal_is_too_narrow(self, board, clock, width):
        chance = random.Random(width)
        for n in range(20):
            amount = f"{chance.randrange(200)} of 200 MB"
            board.step(
                "主机" * n + f"host-{n}", chance.choice(["connecting", f"fetching packages, {amount}"])
            )
            clock.now += 1
        assert all(cell_len(line) <= width for line in drawn(board, width))

    def test_another_step_s_amount_is_measured_again(self, board, clock):
        for second in range(10):
            board.step("a", f"fetching uv, {second} of 100 MB")
            clock.now += 1
        assert drawn(board)[1].endswith("~1 min left") or drawn(board)[1].endswith("~2 min left")
        board.step("a", "fetching packages, 50 of 100 MB")
        assert drawn(board)[1].endswith("50%")


class TestHostsEstimate:
    """How long the rest of many hosts takes, from those that are done."""

    @pytest.fixture
    def board(self, clock, file):
        return Board("Install", 12, Rich(file=file))

    def begin(self, board, *numbers):
        for n in numbers:
            board.step(f"n{n}", "installing")

    def test_nothing_before_some_are_done(self, board, clock):
        self.begin(board, 0, 1, 2, 3)
        clock.now += 30
        board.done("n0")
        board.done("n1")
        self.begin(board, 4, 5)
        assert drawn(board)[0].endswith("2/12  30 s")

    def test_the_estimate_counts_waves_of_hosts(self, board, clock):
        self.begin(board, 0, 1, 2, 3)
        clock.now += 30
        for n in range(4):
            board.done(f"n{n}")
        self.begin(board, 4, 5, 6, 7)
        # four have just begun and four wait: twice as long as the first took
        assert drawn(board)[0].endswith("4/12  30 s  about 1 min left")
        clock.now += 20
        assert drawn(board)[0].endswith("4/12  50 s  about 40 s left")

    def test_nothing_where_one_takes_much_longer(self, board, clock):
        self.begin(board, *range(12))
        clock.now += 30
        for n in range(8):
            board.done(f"n{n}")
        clock.now += 40
        assert drawn(board)[0].endswith("8/12  70 s")

    def test_nothing_for_the_last_few_seconds(self, board, clock):
        self.begin(board, *range(4))
        clock.now += 3
        for n in range(4):
            board.done(f"n{n}")
        self.begin(board, *range(4, 12))
        assert drawn(board)[0].endswith("4/12  3 s")
