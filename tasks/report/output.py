"""Guard stdout and stderr: if their reader goes away, printing does not raise."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import select
import sys
from typing import TextIO

from tasks.language import said

SIGNS = "rayfab-signs"  # an error handler, for TextIOWrapper's errors=
_PLAIN = {"✓": "+", "✗": "x", "→": "->", "…": "...", "–": "-", "—": "-", "·": "-", "━": "="}


def _in_plain_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error(SIGNS, _in_plain_signs)


class _Raw(io.FileIO):
    """A stream to which writing never fails: what cannot be written is dropped, and the reason is kept."""

    error: OSError | None = None

    def write(self, data) -> int:
        if self.error is None:
            try:
                while (count := super().write(data)) is None:
                    # another program with the same terminal has made it non-blocking
                    select.select([], [self.fileno()], [])
                return count
            except OSError as error:
                self.error = error
        return len(data)


def install() -> None:
    """Guard sys.stdout and sys.stderr. Call this once, before anything is printed.

    Descriptors 0 to 2 that the caller closed are opened on /dev/null, so that no connection gets their number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)
            if opened > 2:
                os.close(opened)
            elif opened == number:
                os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = _guarded(sys.stdout, sys.__stdout__, 1)
    sys.stderr = _guarded(sys.stderr, sys.__stderr__, 2)


def _guarded(stream: TextIO | None, original: TextIO | None, number: int) -> TextIO:
    if stream is not original or isinstance(_raw(stream), _Raw):
        return stream  # it was replaced by a stream that somebody reads
    with contextlib.suppress(OSError):
        if stream is not None:
            stream.flush()
    raw = _Raw(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else "utf-8",
        errors=SIGNS,
        line_buffering=number == 2 or raw.isatty(),
        write_through=bool(stream and stream.write_through),
    )


def _raw(stream: object) -> object:
    return getattr(getattr(stream, "buffer", None), "raw", None)


def gone(stream: TextIO) -> bool:
    """Whether the reader of a stream is gone. The system is asked; nothing is written."""
    if getattr(_raw(stream), "error", None) is not None:
        return True
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):
        return False


def lost() -> str | None:
    """Why output was lost; None if nothing was lost, or if the reader went away, which is not an error."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
        error = getattr(_raw(stream), "error", None)
        if error is None or error.errno in (errno.EPIPE, errno.ECONNRESET):
            continue
        if error.errno != errno.EIO or not stream.isatty():  # EIO: the terminal was closed
            return error.strerror
    return None


def close(code: int) -> int:
    """The final exit status: 1 if output was lost, with a message on stderr."""
    why = lost()
    if why is None:
        return code
    print(said(f"✗ cannot write the output: {why}"), file=sys.stderr, flush=True)
    return code or 1
