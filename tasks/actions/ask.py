"""Asks the person at the terminal for a secret: one question at a time, and the terminal as it was afterwards."""

from __future__ import annotations

import atexit
import contextlib
import getpass
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from tasks.inventory import SecretUnavailable
from tasks.language import said

try:
    import termios
except ImportError:  # Windows, where getpass changes no terminal
    termios = None  # type: ignore[assignment]

_asking = threading.Lock()


def on_terminal(*shown_on: TextIO | None) -> bool:
    """Whether a person can be asked. :param shown_on: where the question stands, if not on the terminal itself."""
    streams = (sys.stdin, *shown_on)
    return all(stream is not None and not stream.closed and stream.isatty() for stream in streams)


def secret(prompt: str) -> str:
    """A secret typed without echo.

    :raises SecretUnavailable: nobody is there, or nothing was typed.
    """
    what = prompt.strip().rstrip(":")
    if not on_terminal():
        raise SecretUnavailable(f"there is no terminal to ask for {what}")
    with _asking:
        restore = _as_it_is()
        # a thread that waits for an answer does not see Ctrl-C, and would leave the terminal without an echo
        atexit.register(restore)
        try:
            return getpass.getpass(said(prompt))
        except EOFError:
            raise SecretUnavailable(f"nothing was entered for {what}") from None
        finally:
            restore()
            atexit.unregister(restore)


def _as_it_is() -> Callable[[], None]:
    """What puts the terminal back into the state that it has now."""
    if termios is None:
        return lambda: None
    with contextlib.suppress(OSError, termios.error):
        descriptor = sys.stdin.fileno()
        state = termios.tcgetattr(descriptor)

        def restore() -> None:
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetattr(descriptor, termios.TCSANOW, state)

        return restore
    return lambda: None
