"""Calm output: on a terminal a live board of who does what, in a pipe plain lines."""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console as Rich
from rich.live import Live
from rich.text import Text

from tasks.report import output
from tasks.report.board import Board
from tasks.report.table import Cell, Column, lay_out
from tasks.report.typed import as_typed


def _tick(board: Board, over: threading.Event) -> None:
    while not over.wait(0.5):
        board.tick()


class Console:
    """The one place that prints. :param file: stdout, or stderr where stdout carries JSON or logs."""

    def __init__(self, file: TextIO | None = None) -> None:
        file = file or sys.stdout or io.StringIO()
        if hasattr(file, "reconfigure"):
            # a terminal of another encoding shows plain signs for what it does not have
            file.reconfigure(errors=output.SIGNS)
        self.rich = Rich(file=file, highlight=False, markup=False, emoji=False)
        # FORCE_COLOR asks for colours in a pipe, and for nothing else
        self.terminal = self.rich.is_terminal and file.isatty()
        in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
        self.live = self.terminal and self.rich.is_interactive and not in_ci
        self._board: Live | None = None
        self.quiet = False  # True: only what went wrong is said

    @property
    def gone(self) -> bool:
        """Whether nobody can read any more what is printed; printing goes on without an error."""
        return output.gone(self.rich.file)

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None in a pipe, where a line may be as long as it needs to be."""
        if not self.terminal:
            return None
        return shutil.get_terminal_size().columns if self.rich.is_dumb_terminal else self.rich.width

    @contextmanager
    def phase(self, title: str, total: int) -> Iterator[Board]:
        """One step of an operation over ``total`` hosts; its line is printed when it ends."""
        board = Board(title, total, self.rich)
        if self.quiet:
            yield board
        elif self.live:
            with Live(board, console=self.rich, transient=True, refresh_per_second=4) as self._board:
                try:
                    yield board
                finally:
                    self._board = None
        else:
            over = threading.Event()
            ticker = threading.Thread(target=_tick, args=(board, over), daemon=True)
            ticker.start()
            try:
                yield board
            finally:
                over.set()
                ticker.join()

    @contextmanager
    def question(self) -> Iterator[None]:
        """The live board makes room while somebody is asked something."""
        board = self._board
        if board is not None:
            board.stop()
        try:
            yield
        finally:
            if board is not None and board is self._board:
                board.start()

    def ok(self, text: str, detail: str = "") -> None:
        """One line for one thing that went well."""
        if self.quiet:
            return
        line = Text.assemble(("✓ ", "green"), as_typed(text))
        if detail:
            line.append(f"  {as_typed(detail)}", style="dim")
        self.print(line)

    def bad(self, text: str, hint: str = "") -> None:
        """One line for what went wrong, one for the way out."""
        self.print(Text.assemble(("✗ ", "red"), as_typed(text)))
        if hint:
            self.print(Text.assemble(("  → ", "yellow"), as_typed(hint)))

    def note(self, text: str) -> None:
        self.print(Text.assemble(("! ", "yellow"), as_typed(text)))

    def raw(self, text: str) -> None:
        """A long text as it is; laying it out would take longer than all the rest of a plan."""
        self.rich.file.write(text + "\n")

    def print(self, text: str | Text = "") -> None:
        self.rich.print(text, soft_wrap=True)

    def table(self, columns: Sequence[str | Column], rows: Sequence[Sequence[Cell]]) -> None:
        """A borderless table that fits the terminal; in a pipe it is one line a row.

        :param columns: a title stands for a column that never wraps, the last one for one that may.
        """
        last = len(columns) - 1
        made = [Column(c, wraps=at == last) if isinstance(c, str) else c for at, c in enumerate(columns)]
        self.print(Text("\n").join(lay_out(made, rows, self.width)))
