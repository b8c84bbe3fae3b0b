"""What every host does in one phase: a live board on a terminal, plain lines in a pipe."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console as Rich
from rich.console import ConsoleOptions, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tasks.language import said
from tasks.report.progress import LEAST_LEFT, Amount, Countdown, Pace, about, hosts_left, passed, speed, split
from tasks.report.typed import as_typed

BOARD_ROWS = 12
REPEAT_SECONDS = 10
SILENT_SECONDS = 2
_GAP = 2
_BAR = (6, 20)
# columns beside a step's text, the most useful first, with the width that must remain for the text
_PARTS = {"percent": 18, "left": 18, "bar": 18, "amount": 30, "rate": 30}


class _Host:
    """The current step of one host."""

    def __init__(self, now: float) -> None:
        self.since = now
        self.text = ""
        self.what, self.amount = "", None  # type: str, Amount | None
        self.pace, self.countdown = Pace(), Countdown()
        self.printed: tuple[str, str, float] = ("", "", 0.0)  # key, text, time

    def step(self, now: float, text: str) -> None:
        what, amount = split(text)
        if _key(what) != _key(self.what):
            self.pace, self.countdown = Pace(), Countdown()
        self.text, self.what, self.amount = text, what, amount
        if amount and amount.is_bytes:
            self.pace.note(now, amount)

    def left(self, now: float) -> str:
        """``about 20 s left``, or an empty text."""
        seconds = self.countdown.smooth(now, self.pace.left(now))
        if seconds is None or not self.amount or not self.amount.is_bytes or self.amount.percent >= 100:
            return ""
        return said(f"{about(seconds)} left")

    def worth_a_line(self, now: float) -> bool:
        # "waiting for Ray, 5 s" and "…, 6 s" are the same step; an unchanged text is not repeated
        key, (last, text, when) = _key(self.text), self.printed
        if key == last and (text == self.text or now - when < REPEAT_SECONDS):
            return False
        self.printed = (key, self.text, now)
        return True


def _key(text: str) -> str:
    return re.sub(r"\d+", "#", text.split(",")[0])


class Board:
    """The steps of all hosts in one phase. :meth:`step` may be called from any thread."""

    def __init__(self, title: str, total: int, rich: Rich) -> None:
        self.title, self.total = title, total
        self._rich = rich
        self._lock = threading.Lock()
        self._now: dict[str, _Host] = {}
        self._took: list[float] = []
        self._done = 0
        self._countdown = Countdown()
        self._start = self._folded = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def step(self, name: str, text: str) -> None:
        """A host has started a step or made progress: ``fetching packages, 120 of 340 MB``."""
        now = time.monotonic()
        with self._lock:
            self._now.setdefault(name, _Host(now)).step(now, text)

    def done(self, name: str) -> None:
        """A host has finished, successfully or not."""
        with self._lock:
            host = self._now.pop(name, None)
            self._done += 1
            if host:
                self._took.append(time.monotonic() - host.since)

    def fail(self, name: str, message: str, hint: str = "") -> None:
        """Print a line that stays on the screen."""
        line = Text.assemble(("  ✗ ", "red"), f"{name}: {said(message, own=False)}")
        if hint:
            line.append_text(Text.assemble(("\n    → ", "yellow"), as_typed(hint)))
        # without the lock: printing redraws the live board, which takes the lock
        self._print(line)

    def tick(self) -> None:
        """In a pipe: print a line for every host that is busy for a while, or one line for all if there are many."""
        now = time.monotonic()
        with self._lock:
            if len(self._now) > BOARD_ROWS:
                if now - self._folded >= REPEAT_SECONDS:
                    self._folded = now
                    parts = (
                        said(f"{self._done} of {self.total} hosts"),
                        passed(self.seconds),
                        self._left(now),
                    )
                    self._print(f"  {self.title}: " + ", ".join(part for part in parts if part))
                return
            for name, host in self._now.items():
                if now - host.since > SILENT_SECONDS and host.worth_a_line(now):
                    parts = [said(host.text)]
                    if host.amount and host.amount.is_bytes:
                        parts += [f"{host.amount.percent}%", host.left(now)]
                    self._print(f"  {name}: " + ", ".join(part for part in parts if part))

    def _left(self, now: float) -> str:
        ages = [now - host.since for host in self._now.values()]
        waiting = max(0, self.total - self._done - len(ages))
        seconds = self._countdown.smooth(now, hosts_left(self._took, ages, waiting))
        return said(f"{about(seconds)} left") if seconds is not None and seconds >= LEAST_LEFT else ""

    def _print(self, line: str | Text) -> None:
        self._rich.print(line, soft_wrap=True, highlight=False, markup=False)

    def __rich_console__(self, console: Rich, options: ConsoleOptions) -> Iterator[RenderableType]:
        width, now = options.max_width, time.monotonic()
        most = max(1, min(BOARD_ROWS, console.height - 3))
        with self._lock:
            hosts = list(self._now.items())
            done, left = self._done, self._left(now)
            rows = [_row(name, host, now) for name, host in hosts[:most]]
        yield self._head(width, done, left)
        if rows:
            yield _grid(rows, width)
        if len(hosts) > most:
            yield Text(said(f"  … and {len(hosts) - most} more"), overflow="ellipsis", no_wrap=True)

    def _head(self, width: int, done: int, left: str) -> Table:
        count = f"{done}/{self.total}" if self.total > 1 else ""
        for rest in (left, left.replace("about ", "~")):
            cells: list[RenderableType] = [Text(self.title, "bold")]
            cells += [part for part in (count, passed(self.seconds), rest) if part]
            room = width - sum(cell_len(str(cell)) + _GAP for cell in cells)
            if room >= _BAR[0]:
                break
        if count and room >= _BAR[0]:
            cells.insert(1, ProgressBar(self.total, done, min(room, _BAR[1])))
        grid = Table.grid(padding=(0, _GAP, 0, 0))
        for _ in cells:
            grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_row(*cells)
        return grid


def _row(name: str, host: _Host, now: float) -> dict[str, str | Amount | None]:
    amount = host.amount
    row: dict[str, str | Amount | None] = {"name": name, "what": said(host.what), "bar": amount}
    if amount and host.what != host.text:
        row["amount"] = said(str(amount))
    if amount and amount.is_bytes:
        rate = host.pace.rate(now)
        row["percent"] = f"{amount.percent}%"
        row["rate"] = speed(rate, amount.unit) if rate else ""
        row["left"] = host.left(now).replace("about ", "~")
    return row


def _grid(rows: Sequence[dict[str, str | Amount | None]], width: int) -> Table:
    """One line for each host; columns that do not fit are left out."""

    def widest(part: str) -> int:
        return max(cell_len(str(row.get(part) or "")) for row in rows)

    widths = {"name": min(widest("name"), max(8, width // 3))}
    room = width - 2 - widths["name"] - _GAP
    for part, least in _PARTS.items():
        need = (_BAR[0] if any(row["bar"] for row in rows) else 0) if part == "bar" else widest(part)
        if need and room - min(widest("what"), least) - need - _GAP >= 0:
            widths[part] = need
            room -= need + _GAP
    widths["what"] = max(1, min(widest("what"), room))
    if "bar" in widths:
        widths["bar"] += min(_BAR[1] - _BAR[0], room - widths["what"])
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(width=0)
    order = [part for part in ("name", "what", "amount", "bar", "percent", "rate", "left") if part in widths]
    for part in order:
        right = "right" if part in ("amount", "percent", "rate") else "left"
        style = "cyan" if part == "name" else None
        grid.add_column(width=widths[part], justify=right, no_wrap=True, overflow="ellipsis", style=style)
    for row in rows:
        grid.add_row("", *(_cell(part, row.get(part), widths[part]) for part in order))
    return grid


def _cell(part: str, value: str | Amount | None, width: int) -> RenderableType:
    if isinstance(value, Amount):
        return ProgressBar(value.total, value.done, width)
    return Text(value or "")
