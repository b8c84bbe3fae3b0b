"""What is wrong with a hosts file, and how values appear in messages."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

Where = tuple["str | int", ...]
SECRET_KEYS = frozenset({"password", "sudo_password", "registry_password"})
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(frozen=True)
class Problem:
    """One mistake; ``line`` counts from 1, and 0 is the file as a whole; ``where`` is a dotted path."""

    path: Path
    line: int
    where: str
    message: str

    def __str__(self) -> str:
        path = printable(str(self.path), 4096)
        place = f"{path}:{self.line}" if self.line else path
        return ": ".join(part for part in (place, self.where, self.message) if part)


class InventoryError(Exception):
    """The hosts file is wrong; ``problems`` has every mistake, sorted by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.where, problem.message))
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[InventoryError], tuple[list[Problem]]]:
        return type(self), (self.problems,)


def dotted(where: Where) -> str:
    """``('workers', 2, 'port')`` -> ``workers[2].port``. Keys inside a password are left out."""
    text = ""
    for key in where:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _PLAIN_KEY.fullmatch(key):
            text += f".{key}" if text else key
        else:
            text += f"[{shown(key)}]"
        if key in SECRET_KEYS:
            break
    return text


def shown(value: object, typed: str | None = None) -> str:
    """A value for an error message: short, on one line, without control characters.

    :param typed: how a number, true or false is written in the file.
    """
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value) if typed is None or isinstance(value, str) else typed
    if len(text) > 60:
        text = text[:57] + "..."
    return text if text.isprintable() and text.strip() == text != "" else ascii(text)


def printable(text: str, limit: int = 500) -> str:
    """A message without control characters, whatever it quotes of a file; longer ones are cut."""
    text = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The known word that is most similar, or None."""
    found = difflib.get_close_matches(
        str(word)[:100].lower(), sorted({str(word) for word in known}), n=1, cutoff=0.6
    )
    return found[0] if found else None


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """``; did you mean X?``, or nothing; the end of a message."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else ""


def either(words: Iterable[str]) -> str:
    """``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
