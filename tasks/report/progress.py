"""The progress of a step, read from its text, and an estimate of the remaining time."""

from __future__ import annotations

import math
import re
import statistics
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# "fetching packages, 120 of 340 MB", "pulling X, 120 of 340 MB, 3 of 12 layers, 7 s", "1 of 3 nodes have run a task"
_AMOUNT = re.compile(r"(?:^|, )(?P<done>\d+) of (?P<total>\d+) (?P<unit>MB|MiB|layers|nodes|rounds)\b")
_BYTES = ("MB", "MiB")
LEAST_LEFT = 5.0  # seconds; a shorter remaining time is not shown
WINDOW = 30.0  # seconds over which a rate is measured
FIRST = 3.0  # seconds before the first estimate
STALLED = 15.0  # seconds without progress after which no estimate is shown


@dataclass(frozen=True)
class Amount:
    """``done`` of ``total`` in ``unit``."""

    done: int
    total: int
    unit: str

    def __str__(self) -> str:
        return f"{self.done} of {self.total} {self.unit}"

    @property
    def is_bytes(self) -> bool:
        """Whether the amount is in bytes, so that equal amounts take about equal times."""
        return self.unit in _BYTES

    @property
    def percent(self) -> int:
        return min(100, 100 * self.done // self.total)


def split(text: str) -> tuple[str, Amount | None]:
    """The text of a step without its amount, and the amount; None if there is none yet."""
    found = next((amount for amount in _AMOUNT.finditer(text) if int(amount["total"]) > 0), None)
    if found is None:
        return text, None
    amount = Amount(int(found["done"]), int(found["total"]), found["unit"])
    # an amount at the start of the text is the subject of the sentence
    return (text if found.start() == 0 else text[: found.start()] + text[found.end() :]), amount


class Pace:
    """The rate at which an amount grows, over the last half minute, so that it neither jumps nor lags."""

    def __init__(self) -> None:
        self._total = 0
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, now: float, amount: Amount) -> None:
        """Record the amount at the time ``now``."""
        if self._samples and (amount.total != self._total or amount.done < self._samples[-1][1]):
            # a different amount or a new total: earlier samples do not apply
            self._samples.clear()
        self._total = amount.total
        if self._samples and self._samples[-1][1] == amount.done:
            return
        self._samples.append((now, amount.done))
        while len(self._samples) > 2 and self._samples[1][0] < now - WINDOW:
            self._samples.popleft()

    def rate(self, now: float) -> float | None:
        """Units per second; None if it is too early or nothing moves."""
        if len(self._samples) < 2 or now - self._samples[-1][0] > STALLED:
            return None
        (start, before), (_, done) = self._samples[0], self._samples[-1]
        return (done - before) / (now - start) if now - start >= FIRST else None

    def left(self, now: float) -> float | None:
        """Seconds until the amount is complete."""
        rate = self.rate(now)
        return (self._total - self._samples[-1][1]) / rate if rate else None


def hosts_left(finished: list[float], ages: Iterable[float], waiting: int) -> float | None:
    """Seconds until the last host is done.

    :param finished: seconds that each finished host took; with too few of them there is no estimate.
    :param ages: seconds since each running host began.
    :param waiting: how many hosts have not begun.
    """
    if len(finished) < 3:
        return None
    usual = statistics.median(finished)
    rest = [usual - age for age in ages]
    if not rest or min(rest) < -usual / 2:
        return None  # one host takes much longer than the others did; its end is unknown
    busy = waiting * usual + sum(max(0.0, one) for one in rest)
    return max(busy / len(rest), *rest, 0.0)


def batches_left(took: Sequence[float], left: int) -> str:
    """``, about 5 min left``; nothing before the first batch has ended, or if little is left.

    :param took: seconds that each batch took.
    :param left: how many are to come, the one that begins included.
    """
    seconds = statistics.median(took) * left if took else 0.0
    return f", {about(seconds)} left" if seconds >= LEAST_LEFT else ""


class Countdown:
    """An estimate as it is shown: it counts down by itself and follows new measurements slowly."""

    def __init__(self) -> None:
        self._shown: tuple[float, float] | None = None

    def smooth(self, now: float, measured: float | None) -> float | None:
        """``measured`` without its jumps; None resets it."""
        if measured is None:
            self._shown = None
            return None
        if self._shown is not None:
            when, before = self._shown
            if now - when < 1.0:
                return before - (now - when)
            measured = 0.7 * (before - (now - when)) + 0.3 * measured
        self._shown = (now, max(0.0, measured))
        return self._shown[1]


def about(seconds: float) -> str:
    """``about 20 s``, ``about 3 min``, ``about 2 h``: rounded to its precision."""
    if seconds < 55:
        return f"about {max(5, 5 * math.ceil(seconds / 5))} s"
    if seconds < 55 * 60:
        return f"about {max(1, round(seconds / 60))} min"
    return f"about {max(1, round(seconds / 3600))} h"


def passed(seconds: float) -> str:
    """``34 s``, ``2:05``."""
    whole = int(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60}:{whole % 60:02}"


def speed(rate: float, unit: str) -> str:
    """``12 MB/s``, ``0.4 MB/s``."""
    return f"{rate:.1f} {unit}/s" if rate < 9.95 else f"{rate:.0f} {unit}/s"
