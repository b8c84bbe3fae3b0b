"""Merge the log lines of many files by time."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from tasks.report.console import Console

_TIME = re.compile(r"\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)[,.]?(\d*)")
_CONTROL = re.compile(r"(?:\x1b\[|\x9b)[0-9:;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


@dataclass(frozen=True)
class Line:
    """One line of one file of one host."""

    host: str
    file: str
    text: str


def parse_time(text: str) -> str | None:
    """The time at the start of a Ray log line, as sortable text; None if there is none.

    Ray writes ``2026-01-02 03:04:05,678``, ``[2026-01-02 03:04:05,678 I 12 12]``, and ISO 8601.
    """
    got = _TIME.match(text)
    return f"{got.group(1)} {got.group(2)}.{got.group(3):<06}" if got else None


def clean(text: str) -> str:
    """Remove colours and control characters: a log must not control the terminal."""
    return _CONTROL.sub("", text)


def merge(files: Sequence[Sequence[Line]]) -> Iterator[Line]:
    """All lines by time. A line without a time, as in a traceback, stays after the line before it."""

    def keyed(number: int, lines: Sequence[Line]) -> Iterator[tuple[str, int, int, Line]]:
        time = next((t for t in (parse_time(line.text) for line in lines) if t), "")
        for index, line in enumerate(lines):
            # the order within a file never changes, even if its times do
            time = max(time, parse_time(line.text) or time)
            yield time, number, index, line

    for *_, line in heapq.merge(*(keyed(n, lines) for n, lines in enumerate(files))):
        yield line


def show(console: Console, line: Line, width: int) -> None:
    """Print one line, after the names of its host and file."""
    colour = _COLOURS[sum(map(ord, line.host)) % len(_COLOURS)]
    console.print(Text.assemble((line.host.ljust(width), colour), " ", (line.file, "dim"), " ", line.text))
