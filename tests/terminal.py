"""A program in a real pseudo-terminal, seen as a person sees it: a screen of so many columns and lines."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

PATIENCE = 30.0
# a new session gets its terminal first, so that Ctrl-C reaches the program and /dev/tty is there
_START = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execvp(sys.argv[1], sys.argv[1:])\n"
)
# what the environment of whoever runs the tests must not decide
_DROPPED = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "CI")
CTRL_C, CTRL_D = "\x03", "\x04"


class Terminal:
    """Runs ``argv`` in a terminal; use it with ``with``, which ends the program and all that it started.

    :param stdout: send standard output somewhere else than to the terminal (a file, a pipe's end).
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        columns: int = 80,
        lines: int = 24,
        env: Mapping[str, str | None] | None = None,
        cwd: str | Path | None = None,
        stdout: int | None = None,
    ) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=100_000)
        self._screen.write_process_input = self.feed  # answers where a program asks for the cursor's place
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._raw = bytearray()
        self._ended = False
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        surroundings = {k: v for k, v in os.environ.items() if k not in _DROPPED}
        wanted = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})}
        surroundings.update({k: v for k, v in wanted.items() if v is not None})
        for name in (k for k, v in wanted.items() if v is None):
            surroundings.pop(name, None)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, *map(str, argv)],
                stdin=slave,
                stdout=slave if stdout is None else stdout,
                stderr=slave,
                env=surroundings,
                cwd=cwd,
                start_new_session=True,
            )
        finally:
            os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # Linux: nobody has the other side open any more
                data = b""
            with self._changed:
                self._raw += data
                self._stream.feed(data)
                self._ended = not data
                self._changed.notify_all()
            if not data:
                return

    def feed(self, keys: str) -> None:
        """Types ``keys``; Enter is ``\\r``."""
        data = keys.encode()
        while data:
            select.select([], [self._master], [], PATIENCE)
            data = data[os.write(self._master, data) :]

    def resize(self, columns: int, lines: int) -> None:
        with self._changed:
            self._screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def screen(self) -> list[str]:
        """The lines that are on the screen, without blanks at their ends and without empty lines at its end."""
        with self._changed:
            return _trimmed(self._screen.display)

    @property
    def lines(self) -> list[str]:
        """As :attr:`screen`, with all that has left the screen at its top."""
        with self._changed:
            width = self._screen.columns
            gone = ["".join(row[x].data for x in range(width)) for row in self._screen.history.top]
            return _trimmed([*gone, *self._screen.display])

    @property
    def raw(self) -> str:
        """Every byte that has come, control sequences included."""
        with self._changed:
            return self._raw.decode(errors="replace")

    def wait_until(
        self, met: Callable[[list[str]], bool], what: str = "", timeout: float = PATIENCE
    ) -> list[str]:
        """Waits until ``met(lines)`` is true; returns these lines."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not met(found := self.lines):
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "the program has ended" if self._ended else f"{timeout:.0f} s have passed"
                    raise AssertionError(f"{why} without {what or met}:\n" + "\n".join(found))
                self._changed.wait(left)
        return found

    def wait_for(self, text: str, timeout: float = PATIENCE) -> list[str]:
        """Waits until ``text`` stands in a line; returns all lines, which end without blanks."""
        wanted = text.rstrip()
        return self.wait_until(lambda lines: any(wanted in line for line in lines), repr(text), timeout)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Waits for the program's end and its last output; returns its status, -N where signal N ended it."""
        code = self._process.wait(timeout)
        # a child that it left behind may keep the terminal open
        self._reader.join(1.0)
        return code

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(5.0)
        os.close(self._master)


def _trimmed(rows: Sequence[str]) -> list[str]:
    lines = [row.rstrip() for row in rows]
    while lines and not lines[-1]:
        lines.pop()
    return lines
