"""Scripts for a POSIX shell, assembled from quoted values and constant fragments (see :mod:`.fragments`).

A value enters a script in one way only: as an assignment ``NAME='quoted'`` or, for a list, as a function that
appends its quoted elements to a command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from tasks.script.fragments import SH, check, complete, fragment, read_by
from tasks.text.quoting import posix as quote

Value = str | int | bool | None | Sequence[str]
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


class Effect(Enum):
    """What a script does to the host that runs it."""

    READS = "reads"  # leaves the host as it was
    LOCKS = (
        "locks"  # takes or releases the cluster's lock, or makes the host's folder, and changes nothing else
    )
    CHANGES = "changes"  # may change anything else


@dataclass(frozen=True)
class Script:
    """One script for one host. It holds no secret.

    :param title: what it does, shown to the user ("start the head").
    :param body: names of the fragments that run, in this order.
    :param values: the values that the fragments read, by name.
    :param secrets: names of the secret variables that are sent with the script.
    :param named: fragments that the caller chose, in addition to those that the body needs.
    :param effect: a script that declares nothing counts as one that changes its host.
    """

    title: str
    body: tuple[str, ...]
    values: Mapping[str, Value] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    effect: Effect = Effect.CHANGES

    @property
    def text(self) -> str:
        """The whole text for a POSIX shell; :func:`.powershell.text_of` returns the one for PowerShell.

        It is read completely before anything runs (all is inside ``main``), so if the connection is lost
        half-way, nothing runs, and no command in it can read the rest of the script from standard input.
        """
        read = read_by(SH, self.body, self.named)
        lines = [
            f"# rayfab: {self.title}",
            # a value may be for some fragments of a script only
            "# shellcheck disable=SC2034",
            "set -u",
            *(assignment(name, value) for name, value in self.values.items() if name in read),
            *(found.text for found in complete(SH, self.body, self.named)),
            "main() {",
            *(fragment(name).text for name in self.body),
            "finish 0",
            "}",
            "main </dev/null",
        ]
        return "\n".join(lines) + "\n"


def assignment(name: str, value: Value) -> str:
    """``NAME='value'``; a bool is 1 or empty, None is empty.

    A list becomes a function, since a POSIX shell has no arrays: ``with_name cmd`` runs ``cmd 'v1' 'v2'``.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a variable's name: {name!r}")
    if isinstance(value, bool):
        value = "1" if value else ""
    if isinstance(value, (list, tuple)):
        command = " ".join(['"$@"', *map(quote, value)])
        return f"with_{name.lower()}() {{ {command}; }}"
    return f"{name}={quote('' if value is None else str(value))}"


def render(
    title: str,
    body: str | Sequence[str],
    values: Mapping[str, Value],
    *,
    named: Sequence[str] = (),
    secrets: Sequence[str] = (),
    effect: Effect = Effect.CHANGES,
) -> Script:
    """Makes a whole script; the fragments that its body needs are added.

    :raises ScriptError: a fragment or a value is missing, or no fragment reads a value.
    """
    bodies = (body,) if isinstance(body, str) else tuple(body)
    check(title, bodies, named, values)
    return Script(title, bodies, dict(values), tuple(secrets), tuple(named), effect)
