"""What is wrong with a hosts file, one line each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tasks.text.wording import printable, shown

Where = tuple["str | int", ...]
SECRET_KEYS = frozenset({"password", "sudo_password", "registry_password", "webhook"})
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
