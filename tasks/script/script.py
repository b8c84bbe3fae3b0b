"""Assembling a POSIX sh script out of quoted values and the fragments under ``sh/``.

Values enter a script in one way only: as an assignment ``NAME='quoted'`` (or, for a list, as a function
that appends its quoted words to a command). The fragments themselves are constant text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache

from tasks.text.quoting import posix as quote

from . import files

Value = str | int | bool | None | Sequence[str]
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


class Effect(Enum):
    """What a script does to the host that runs it."""

    READS = "reads"  # leaves the host as it was
    LOCKS = "locks"  # takes or releases the cluster's lock, and changes nothing else
    CHANGES = "changes"  # may change anything else


@dataclass(frozen=True)
class Script:
    """One script for one host.

    :param title: what it does, for people ("start the head").
    :param text: the whole POSIX sh text; it holds no secret.
    :param secrets: names of the variables that the runner must hand over beside it.
    :param effect: a script that declares nothing counts as one that changes its host.
    :param parts: names of the fragments before and in its body; with ``values`` all that :mod:`.windows` needs.
    """

    title: str
    text: str
    secrets: tuple[str, ...] = ()
    parts: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    values: Mapping[str, Value] = field(default_factory=dict)
    effect: Effect = Effect.CHANGES


@cache
def fragment(name: str) -> str:
    """The constant text of ``sh/<name>.sh``, without its head comment's shebang."""
    lines = files.text("sh", name).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("#!", "# shellcheck "))).strip("\n")


def words(name: str, values: Sequence[str]) -> str:
    """A function ``name cmd...`` that runs ``cmd... 'v1' 'v2'``: how a list travels in POSIX sh."""
    command = " ".join(['"$@"', *map(quote, values)])
    return f"{name}() {{ {command}; }}"


def assignment(name: str, value: Value) -> str:
    """``NAME='value'``; a bool is 1 or empty, None is empty, a list becomes a function (see ``words``)."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a variable's name: {name!r}")
    if isinstance(value, bool):
        value = "1" if value else ""
    if isinstance(value, (list, tuple)):
        return words("with_" + name.lower(), value)
    return f"{name}={quote('' if value is None else str(value))}"


def render(
    title: str,
    body: str | Sequence[str],
    values: Mapping[str, Value],
    *,
    fragments: Sequence[str] = (),
    secrets: Sequence[str] = (),
    effect: Effect = Effect.CHANGES,
) -> Script:
    """A whole script.

    It is read to its end before anything runs (all is inside ``main``), so a connection lost half-way
    runs nothing, and no command in it can eat the rest of the script from standard input.
    """
    bodies = (body,) if isinstance(body, str) else tuple(body)
    lines = [
        f"# rayfab: {title}",
        # every script is given the same first values and functions; none needs them all
        "# shellcheck disable=SC2034",
        "set -u",
        *(assignment(name, value) for name, value in values.items()),
        fragment("lib"),
        *(fragment(name) for name in fragments),
        "main() {",
        *(fragment(name) for name in bodies),
        "finish 0",
        "}",
        "main </dev/null",
    ]
    return Script(
        title, "\n".join(lines) + "\n", tuple(secrets), (tuple(fragments), bodies), dict(values), effect
    )
