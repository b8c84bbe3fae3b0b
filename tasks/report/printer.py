"""Prints lines of many hosts under each other, each after its host's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tasks.report.console import Console
from tasks.report.lines import Line, show


@dataclass
class Printer:
    """Prints lines to a console.

    :param width: of the longest host name.
    :param wanted: prints only lines in which it is found; None: all.
    """

    out: Console
    width: int
    wanted: re.Pattern[str] | None = None

    def __call__(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if self.wanted is None or self.wanted.search(line.text):
                show(self.out, line, self.width)


def without_last_blank(show: Callable[[str], None]) -> Callable[[str], None]:
    """Holds empty lines back until another follows: an answer's end adds one."""
    held = 0

    def line(text: str) -> None:
        nonlocal held
        if text:
            for _ in range(held):
                show("")
            held = 0
            show(text)
        else:
            held += 1

    return line
