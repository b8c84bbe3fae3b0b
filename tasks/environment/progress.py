"""The current step: a live line on a terminal, plain lines in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

from tasks.language import cells, said

REDRAW_SECONDS = 0.2
SILENT_SECONDS = 2.0


class Progress:
    """``with Progress("title") as progress: progress.say("what")``; the elapsed seconds are added."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self.title, self.stream = title, stream or sys.stderr
        self.live = self.stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._text = ""
        self._start = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def say(self, text: str) -> None:
        """Show that a step has started. May be called from any thread."""
        self._text = text

    def _line(self) -> str:
        return f"{said(self.title)}: {said(self._text)}, {self.seconds:.0f} s"

    def _tick(self) -> None:
        while not self._over.wait(REDRAW_SECONDS if self.live else SILENT_SECONDS):
            if self.live:
                width = shutil.get_terminal_size().columns - 1
                self._write(f"\r{cells.cut(self._line(), width)}\033[K")
            else:
                self._write(f"{self._line()}\n")

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:
            self._over.set()  # nobody reads the output any more; the work continues

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self.live:
            self._write("\r\033[K")
