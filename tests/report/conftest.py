from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tasks.report.console import Console

KEPT = Path(__file__).parent / "kept"


class Terminal(io.StringIO):
    """A stream that says that somebody is looking at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """Nothing of the environment of whoever runs the tests decides about colours."""
    for name in (
        "FORCE_COLOR",
        "NO_COLOR",
        "TTY_COMPATIBLE",
        "TTY_INTERACTIVE",
        "COLUMNS",
        "CI",
        "RAYFAB_PROGRAM",
    ):
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


@pytest.fixture
def kept():
    """Holds what is shown at several widths to what is kept; RENEW_GOLDEN=1 renews that, and fails."""

    def compare(name: str, shown: Mapping[int | None, Sequence[str]]) -> None:
        parts = [[f"== {width or 'pipe'}", *lines, ""] for width, lines in shown.items()]
        text = "\n".join(line for part in parts for line in part)
        path = KEPT / f"{name}.txt"
        if os.environ.get("RENEW_GOLDEN"):
            path.write_text(text, "utf-8")
            pytest.fail(f"{path.name} is renewed; run again without RENEW_GOLDEN")
        assert text == path.read_text("utf-8")

    return compare
