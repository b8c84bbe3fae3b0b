"""Quoting: one function for each shell. A value enters a command through these functions and in no other way.

Commands in messages have one too: they are typed into the shell of Linux or macOS, where this program runs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

# PowerShell takes the typographic ones for a single quote as well.
POWERSHELL_QUOTES = "'\u2018\u2019\u201a\u201b"
_PLAIN_IN_FISH = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


def posix(value: str) -> str:
    """One argument for any POSIX shell: ``it's`` becomes ``'it'"'"'s'``, ``a.b`` stays as it is.

    :raises ValueError: it holds a NUL character, which no argument can hold.
    """
    return shlex.quote(_without_nul(value))


def posix_line(arguments: Iterable[str]) -> str:
    """A program and its arguments as one line for a POSIX shell."""
    return " ".join(map(posix, arguments))


def printed(*arguments: str) -> str:
    """Arguments as a message shows them, ready to be pasted; a NUL, which no argument can hold, shows as ``\\0``."""
    return " ".join(shlex.quote(one.replace("\0", "\\0")) for one in arguments)


def powershell(value: str) -> str:
    """One string for PowerShell, in single quotes, where only these themselves are doubled.

    :raises ValueError: as in :func:`posix`.
    """
    return "'" + "".join(c * 2 if c in POWERSHELL_QUOTES else c for c in _without_nul(value)) + "'"


def fish(value: str) -> str:
    """One argument for fish, where a backslash counts inside single quotes."""
    if _PLAIN_IN_FISH.fullmatch(value):
        return value
    return f"'{inside_fish_quotes(value)}'"


def inside_fish_quotes(text: str) -> str:
    """A text as it is written between single quotes in fish."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def inside_posix_quotes(text: str) -> str:
    """A text as it is written between single quotes in a POSIX shell."""
    return text.replace("'", "'\\''")


def as_shells_print(value: str) -> set[str]:
    """A value and what shells make of it where they print their own commands, as in ``set -x``."""
    return {value, inside_posix_quotes(value), value.replace("'", "''")}


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("a NUL character cannot be handed to a shell")
    return value
