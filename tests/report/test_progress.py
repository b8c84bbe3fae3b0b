"""How far a step is, read out of every text that there is, and estimates that are honest."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tasks.report.progress import (
    Amount,
    Countdown,
    Pace,
    about,
    batches_left,
    hosts_left,
    passed,
    speed,
    split,
)
from tasks.script.files import files

TASKS = Path(__file__).parents[2] / "tasks"
OF = re.compile(r"\bof 7\b")


def from_python() -> list[str]:
    """What ``board.step`` is called with, each value in it a 7."""
    found = []
    for path in TASKS.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(call, ast.Call)
                and getattr(call.func, "attr", "") == "step"
                and len(call.args) == 2
            ):
                parts = getattr(call.args[1], "values", [call.args[1]])
                found.append(
                    "".join(
                        getattr(part, "value", "") if isinstance(part, ast.Constant) else "7"
                        for part in parts
                    )
                )
    for path in files("drivers").values():
        found += re.findall(
            r'say\("RFSTEP", f"([^"]+)"\)', re.sub(r"\{[^}]*\}", "7", path.read_text("utf-8"))
        )
    return found


def from_scripts() -> list[str]:
    """What the scripts call ``step`` with, each value in it a 7."""
    found = []
    for path in files("sh").values():
        text = re.sub(r"\$\(\([^()]*(\([^()]*\))?[^()]*\)\)|\$\w+|\$\{[^}]*\}", "7", path.read_text("utf-8"))
        found += re.findall(r'\bstep "([^"]+)"', text)
    for path in files("ps").values():
        for call in re.findall(r"\bStep \((.+)\)$", path.read_text("utf-8"), re.MULTILINE):
            found.append("7".join(re.findall(r"'([^']*)'", call)))
    return found


def test_every_form_of_an_amount_is_understood():
    texts = [text for text in from_python() + from_scripts() if OF.search(text)]
    assert len(texts) >= 9, "this test has lost what it looks at"
    for text in texts:
        _, amount = split(text)
        assert amount is not None and (amount.done, amount.total) == (7, 7), text


@pytest.mark.parametrize(
    ("text", "what", "amount"),
    [
        ("fetching packages, 120 of 340 MB", "fetching packages", Amount(120, 340, "MB")),
        ("carrying uv, 3 of 21 MiB", "carrying uv", Amount(3, 21, "MiB")),
        (
            "taking ray:2.9 from 1 of 3 MB, 120 of 340 MB",
            "taking ray:2.9 from 1 of 3 MB",
            Amount(120, 340, "MB"),
        ),
        (
            "pulling a/ray:2.60.0, 1 of 2 MB, 3 of 12 layers, 7 s, try 2 of 3",
            "pulling a/ray:2.60.0, 3 of 12 layers, 7 s, try 2 of 3",
            Amount(1, 2, "MB"),
        ),
        (
            "pulling a/ray:2.60.0, 5 MB, 3 of 12 layers, 7 s",
            "pulling a/ray:2.60.0, 5 MB, 7 s",
            Amount(3, 12, "layers"),
        ),
        (
            "pulling a/ray, 3 of 12 layers, 34 MB received, 7 s",
            "pulling a/ray, 34 MB received, 7 s",
            Amount(3, 12, "layers"),
        ),
        (
            "pulling a/ray, 0 of 0 MB, 12 of 12 layers, 1 s",
            "pulling a/ray, 0 of 0 MB, 1 s",
            Amount(12, 12, "layers"),
        ),
        ("1 of 3 nodes have run a task", "1 of 3 nodes have run a task", Amount(1, 3, "nodes")),
        ("pulling a/ray, 0 of 0 layers, 1 s", "pulling a/ray, 0 of 0 layers, 1 s", None),
        ("waiting for Ray, 7 s", "waiting for Ray, 7 s", None),
        ("cutting 1 of 2 into pieces", "cutting 1 of 2 into pieces", None),
        ("", "", None),
    ],
)
def test_the_amount_of_a_text(text, what, amount):
    assert split(text) == (what, amount)


@pytest.mark.parametrize(
    ("done", "total", "percent"), [(0, 3, 0), (1, 3, 33), (339, 340, 99), (340, 340, 100), (350, 340, 100)]
)
def test_percent_is_a_hundred_only_at_the_end(done, total, percent):
    assert Amount(done, total, "MB").percent == percent


class TestPace:
    def run(self, *samples: tuple[float, int], total: int = 1000) -> Pace:
        pace = Pace()
        for now, done in samples:
            pace.note(now, Amount(done, total, "MB"))
        return pace

    def test_nothing_before_there_is_enough_to_measure(self):
        assert self.run((0, 0)).rate(60) is None
        assert self.run((0, 0), (1, 10)).left(2) is None
        assert self.run((0, 0), (1, 10), (4, 40)).left(4) == 96

    def test_over_the_last_half_minute(self):
        slow_then_fast = [(t, t) for t in range(60)] + [(60 + t, 60 + 20 * t) for t in range(40)]
        assert 15 < self.run(*slow_then_fast).rate(99) <= 20

    def test_falls_while_nothing_comes_and_says_nothing_once_it_stands_still(self):
        pace = self.run((0, 0), (5, 50))
        assert pace.rate(5) == 10
        assert pace.rate(10) == 5
        for now in (10, 15, 20.5):
            pace.note(now, Amount(50, 1000, "MB"))
        assert pace.rate(20.5) is None

    def test_another_amount_is_measured_again(self):
        pace = self.run((0, 0), (5, 50))
        pace.note(6, Amount(60, 2000, "MB"))
        assert pace.left(6) is None
        pace = self.run((0, 100), (5, 200), (6, 0))
        assert pace.left(6) is None


@pytest.mark.parametrize(
    ("finished", "ages", "waiting", "left"),
    [
        ([], [1.0], 9, None),
        ([10.0, 10.0], [1.0], 9, None),
        ([10.0] * 4, [0.0] * 4, 0, 10),  # all that is left has just begun
        ([10.0] * 4, [4.0, 8.0], 0, 6),
        ([10.0] * 4, [0.0] * 4, 8, 30),  # three waves
        ([1.0, 10.0, 10.0, 10.0, 90.0], [0.0], 0, 10),  # some were quick to fail, one was slow
        ([10.0] * 4, [12.0], 0, 0),  # a little late
        ([10.0] * 4, [16.0, 0.0], 5, None),  # nobody knows what keeps it
        ([10.0] * 4, [], 5, None),
    ],
)
def test_the_time_that_is_left_for_hosts(finished, ages, waiting, left):
    assert hosts_left(finished, ages, waiting) == left


class TestCountdown:
    def test_runs_down_by_itself_and_follows_what_is_measured_slowly(self):
        countdown = Countdown()
        assert countdown.smooth(0, 60) == 60
        assert countdown.smooth(0.5, 500) == 59.5
        assert countdown.smooth(2, 58) == pytest.approx(58)
        assert 58 < countdown.smooth(4, 100) < 70
        assert countdown.smooth(5, None) is None
        assert countdown.smooth(6, 30) == 30

    def test_is_never_below_nothing(self):
        countdown = Countdown()
        countdown.smooth(0, 1)
        assert countdown.smooth(10, 0) == 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "about 5 s"),
        (5, "about 5 s"),
        (5.1, "about 10 s"),
        (48, "about 50 s"),
        (56, "about 1 min"),
        (89, "about 1 min"),
        (100, "about 2 min"),
        (3000, "about 50 min"),
        (3400, "about 1 h"),
        (9000, "about 2 h"),
    ],
)
def test_estimates_are_no_more_exact_than_they_are(seconds, said):
    assert about(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.9, "0 s"), (99.9, "99 s"), (100, "1:40"), (3725, "62:05")])
def test_time_that_has_passed(seconds, said):
    assert passed(seconds) == said


@pytest.mark.parametrize(
    ("rate", "said"), [(0.04, "0.0 MB/s"), (0.42, "0.4 MB/s"), (9.96, "10 MB/s"), (117.4, "117 MB/s")]
)
def test_a_speed_is_rounded_for_reading(rate, said):
    assert speed(rate, "MB") == said


@pytest.mark.parametrize(
    ("took", "left", "said"),
    [
        ([], 9, ""),
        ([1.0], 3, ""),
        ([2.0], 3, ", about 10 s left"),
        ([60.0, 58.0, 300.0], 5, ", about 5 min left"),
    ],
)
def test_the_time_that_batches_still_take(took, left, said):
    assert batches_left(took, left) == said
