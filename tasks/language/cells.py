"""Texts with wide characters, each of which takes two columns of a terminal. Rich is not needed for it."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

# a wide character with the punctuation that must not begin a line, or a word
_PIECE = re.compile(
    r"[\u2e80-\uffef][，。、；：！？）」』】》]*\s*|[^\s\u2e80-\uffef]+[，。、；：！？）]*\s*|\s+"
)


def columns(text: str) -> int:
    """How many columns a text takes."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def cut(text: str, width: int) -> str:
    """The beginning of a text that fits in ``width`` columns."""
    while columns(text) > width:
        text = text[:-1]
    return text


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text: broken between words and between wide characters; a longer word stays whole."""
    lines: list[str] = []
    for piece in _PIECE.findall(text):
        if lines and columns(lines[-1] + piece.rstrip()) <= width:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.rstrip() for line in lines]
