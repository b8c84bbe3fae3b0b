"""The constant texts of scripts: ``sh/NAME.sh``, ``ps/NAME.ps1`` and ``drivers/NAME.py`` in any folder of ``tasks``.

A name is used only once, whatever the folder. A driver travels as one program: what it imports from another driver is
that one's text, in place of the import.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

# A text may be in any folder below these.
ROOTS: tuple[Path, ...] = (Path(__file__).parents[1],)
ENDINGS = {"sh": ".sh", "ps": ".ps1", "drivers": ".py"}


@cache
def files(kind: str) -> dict[str, Path]:
    """Name -> file of every text of ``kind``: sh, ps or drivers.

    :raises ValueError: two of them have the same name.
    """
    found: dict[str, Path] = {}
    for root in ROOTS:
        for path in sorted(root.rglob(f"{kind}/*{ENDINGS[kind]}")):
            if path.stem in found:
                raise ValueError(
                    f"two files are called {path.name}: in {found[path.stem].parent} and in {path.parent}"
                )
            found[path.stem] = path
    return found


def text(kind: str, name: str) -> str:
    """The text of one file; a driver's with its parts. An unknown name is a bug in this program and raises KeyError."""
    found = files(kind)[name].read_text("utf-8")
    return _joined(found, set()) if kind == "drivers" else found


_PART = re.compile(r"^from tasks\.(?:\w+\.)*drivers\.(\w+) import .*\n", re.MULTILINE)


def _joined(text: str, there: set[str]) -> str:
    """:param there: the parts that the program has already."""

    def part(match: re.Match[str]) -> str:
        name = match[1]
        if name in there:
            return ""
        there.add(name)
        whole = files("drivers")[name].read_text("utf-8")
        # without its docstring
        lines = whole.splitlines(keepends=True)[ast.parse(whole).body[0].end_lineno :]
        return _joined("".join(lines).lstrip("\n"), there) + "\n\n"

    return _PART.sub(part, text)


def beginning(kind: str, prefix: str) -> tuple[str, ...]:
    """The names of ``kind`` that begin with ``prefix``, sorted. So a folder adds to a script by having such a file."""
    return tuple(sorted(name for name in files(kind) if name.startswith(prefix)))
