"""Calm output: on a terminal a live board of who does what, in a pipe plain lines."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console as Rich
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .typed import as_typed

BOARD_ROWS = 12
REPEAT_SECONDS = 10
SILENT_SECONDS = 2


class Board:
    """What each host does in one phase. :meth:`step` may be called from any thread."""

    def __init__(self, title: str, total: int, rich: Rich) -> None:
        self.title, self.total = title, total
        self._rich = rich
        self._lock = threading.Lock()
        self._now: dict[str, str] = {}
        self._said: dict[str, tuple[str, float]] = {}
        self._since: dict[str, float] = {}
        self._done = 0
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def step(self, name: str, text: str) -> None:
        """A host has begun something."""
        with self._lock:
            self._now[name] = text
            self._since.setdefault(name, time.monotonic())

    def done(self, name: str) -> None:
        """A host has come to its end, well or not."""
        with self._lock:
            self._now.pop(name, None)
            self._done += 1

    def fail(self, name: str, message: str, hint: str = "") -> None:
        """A line that stays."""
        line = Text.assemble(("  ✗ ", "red"), f"{name}: {message}")
        if hint:
            line.append_text(Text.assemble(("\n    → ", "yellow"), as_typed(hint)))
        # not under the lock: printing draws the live board anew, which takes it
        self._print(line)

    def tick(self) -> None:
        """In a pipe: a line for every host that has been at something for a while."""
        with self._lock:
            for name, text in self._now.items():
                slow = time.monotonic() - self._since[name] > SILENT_SECONDS
                if slow and self._worth_a_line(name, text):
                    self._print(f"  {name}: {text}")

    def _worth_a_line(self, name: str, text: str) -> bool:
        # "waiting for Ray, 5 s" and "…, 6 s" are the same step; an unchanged text says nothing new
        key = text.split(",")[0]
        last, when = self._said.get(name, ("", 0.0))
        if key == last and (text == key or time.monotonic() - when < REPEAT_SECONDS):
            return False
        self._said[name] = (key, time.monotonic())
        return True

    def _print(self, line: str | Text) -> None:
        self._rich.print(line, soft_wrap=True, highlight=False, markup=False)

    def __rich__(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        with self._lock:
            rows = list(self._now.items())
            head = f"{self.title}  {self._done}/{self.total}  {self.seconds:.0f} s"
        grid.add_row(Text(head, style="bold"), "")
        for name, text in rows[:BOARD_ROWS]:
            grid.add_row(Text(f"  {name}", style="cyan"), Text(text, overflow="ellipsis", no_wrap=True))
        if len(rows) > BOARD_ROWS:
            grid.add_row(Text(f"  … and {len(rows) - BOARD_ROWS} more"), "")
        return grid


def _tick(board: Board, over: threading.Event) -> None:
    while not over.wait(0.5):
        board.tick()


class Console:
    """The one place that prints. :param file: stdout, or stderr where stdout carries JSON or logs."""

    def __init__(self, file: TextIO | None = None) -> None:
        file = file or sys.stdout
        if hasattr(file, "reconfigure"):
            # a terminal of another encoding shows "?" for what it does not have
            file.reconfigure(errors="replace")
        self.rich = Rich(file=file, highlight=False, markup=False, emoji=False)
        self.live = self.rich.is_terminal and not self.rich.is_dumb_terminal
        self.quiet = False  # True: only what went wrong is said

    @contextmanager
    def phase(self, title: str, total: int) -> Iterator[Board]:
        """One step of an operation over ``total`` hosts; its line is printed when it ends."""
        board = Board(title, total, self.rich)
        if self.quiet:
            yield board
        elif self.live:
            with Live(board, console=self.rich, transient=True, refresh_per_second=8):
                yield board
        else:
            over = threading.Event()
            ticker = threading.Thread(target=_tick, args=(board, over), daemon=True)
            ticker.start()
            try:
                yield board
            finally:
                over.set()
                ticker.join()

    def ok(self, text: str, detail: str = "") -> None:
        """One line for one thing that went well."""
        if self.quiet:
            return
        line = Text.assemble(("✓ ", "green"), text)
        if detail:
            line.append(f"  {detail}", style="dim")
        self.print(line)

    def bad(self, text: str, hint: str = "") -> None:
        """One line for what went wrong, one for the way out."""
        self.print(Text.assemble(("✗ ", "red"), text))
        if hint:
            self.print(Text.assemble(("  → ", "yellow"), as_typed(hint)))

    def note(self, text: str) -> None:
        self.print(Text.assemble(("! ", "yellow"), text))

    def raw(self, text: str) -> None:
        """A long text as it is; laying it out would take longer than all the rest of a plan."""
        self.rich.file.write(text + "\n")

    def print(self, text: str | Text | Table = "") -> None:
        if isinstance(text, Table):
            self.rich.print(text)
        else:
            self.rich.print(text, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
        """A borderless table; in a pipe it is as wide as it needs to be, so that no word is cut."""
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
        if self.rich.is_terminal:
            self.rich.print(table)
        else:
            wide = Rich(file=self.rich.file, width=400, highlight=False, markup=False, emoji=False)
            with wide.capture() as captured:
                wide.print(table)
            self.rich.file.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))
