from __future__ import annotations

import io

import pytest

from tasks.report.console import Console


class Terminal(io.StringIO):
    """A stream that says that somebody is looking at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """Nothing of the environment of whoever runs the tests decides about colours."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "RAYFAB_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def pipe() -> Console:
    """A console whose output goes into a pipe; ``text(console)`` is what came through."""
    return Console(io.StringIO())


@pytest.fixture
def terminal() -> Console:
    """A console that draws its live board."""
    return Console(Terminal())


def text(console: Console) -> str:
    return console.rich.file.getvalue()


@pytest.fixture(name="text")
def text_of():
    return text
