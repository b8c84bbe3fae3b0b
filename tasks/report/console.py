"""Output: a live board of all hosts on a terminal, plain lines in a pipe."""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console as Rich
from rich.live import Live
from rich.text import Text

from tasks.language import said
from tasks.report import output
from tasks.report.board import Board
from tasks.report.table import Cell, Column, folded_rows, lay_out
from tasks.report.typed import as_typed


def _tick(board: Board, over: threading.Event) -> None:
    while not over.wait(0.5):
        board.tick()


class Console:
    """The only place that prints.

    :param file: stdout, or stderr if stdout is used for JSON or logs.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        file = file or sys.stdout or io.StringIO()
        if hasattr(file, "reconfigure"):
            # characters that the terminal's encoding lacks are replaced by plain ones
            file.reconfigure(errors=output.SIGNS)
        self.rich = Rich(file=file, highlight=False, markup=False, emoji=False)
        # FORCE_COLOR only enables colours in a pipe
        self.terminal = self.rich.is_terminal and file.isatty()
        in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
        self.live = self.terminal and self.rich.is_interactive and not in_ci
        self._board: Live | None = None
        self.held: list[Text] | None = None  # a list: what is printed is added to it, and not shown
        self.quiet = False  # True: only errors are printed
        self.every = False  # True: no row of a table is folded

    @property
    def gone(self) -> bool:
        """Whether nobody can read the output any more; printing still raises no error."""
        return output.gone(self.rich.file)

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None in a pipe, where lines may have any length."""
        if not self.terminal:
            return None
        return shutil.get_terminal_size().columns if self.rich.is_dumb_terminal else self.rich.width

    @contextmanager
    def phase(self, title: str, total: int) -> Iterator[Board]:
        """One step of an operation over ``total`` hosts; its line is printed when it ends."""
        board = Board(said(title), total, self.rich if self.held is None else Rich(file=io.StringIO()))
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
    def screen(self) -> Iterator[Callable[[Text], None]]:
        """The whole terminal for one text, which the yielded function replaces; it is as it was afterwards."""
        live = Live(
            console=self.rich, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        with live as self._board:
            try:
                yield lambda text: live.update(text, refresh=True)
            finally:
                self._board = None

    @contextmanager
    def question(self) -> Iterator[None]:
        """Hide the live board during a prompt."""
        board = self._board
        if board is not None:
            board.stop()
        try:
            yield
        finally:
            if board is not None and board is self._board:
                board.start()

    def ok(self, text: str, detail: str = "") -> None:
        """Print one line for a success."""
        if self.quiet:
            return
        line = Text.assemble(("✓ ", "green"), as_typed(text))
        if detail:
            line.append(f"  {as_typed(detail)}", style="dim")
        self.print(line)

    def bad(self, text: str, hint: str = "") -> None:
        """Print one line for an error and one for its fix."""
        self.print(Text.assemble(("✗ ", "red"), as_typed(text)))
        if hint:
            self.print(Text.assemble(("  → ", "yellow"), as_typed(hint)))

    def note(self, text: str) -> None:
        self.print(Text.assemble(("! ", "yellow"), as_typed(text)))

    def raw(self, text: str) -> None:
        """Print a long text unchanged; formatting it would take longer than the rest of a plan."""
        self.rich.file.write(text + "\n")

    def print(self, text: str | Text = "") -> None:
        """Print a line. A text may quote a host; what is styled already is printed as it is."""
        line = Text(said(text, own=False)) if isinstance(text, str) else text
        if self.held is not None:
            self.held.append(line)
            return
        self.rich.print(line, soft_wrap=True)

    def table(
        self, columns: Sequence[str | Column], rows: Sequence[Sequence[Cell]], *, fold: bool = False
    ) -> None:
        """Print a table without borders that fits the terminal; in a pipe each row is one line.

        :param columns: a title alone is a column that never wraps; the last title may wrap.
        :param fold: of many rows, those that are equal but for the host in the first column are one.
        """
        if fold and not self.every:
            rows = folded_rows(rows)
        last = len(columns) - 1
        made = [Column(c, wraps=at == last) if isinstance(c, str) else c for at, c in enumerate(columns)]
        self.print(Text("\n").join(lay_out(made, rows, self.width)))
