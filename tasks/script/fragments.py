"""The fragments that scripts are assembled from: where they are, what each needs, and their order.

A fragment is a constant text, ``NAME.sh`` for a POSIX shell or ``NAME.ps1`` for PowerShell. Its first lines declare::

    # needs: lib node kind_*   the fragments whose functions and variables it uses; with *, all whose names begin so
    # values: ENV_ID LOCK      the values of the script that it reads
    # one of: apt dnf          the caller names exactly one of these fragments
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from tasks.script.files import ENDINGS, files, text

SH, PS = "sh", "ps"  # the kinds of fragments: for a POSIX shell, for PowerShell
_HEADER = ("needs", "values", "one of")
_DROPPED = ("#!", "# shellcheck ", *(f"# {key}: " for key in _HEADER))


class ScriptError(ValueError):
    """A script that cannot be assembled. This is a bug in this program, and is raised before a host is contacted."""


@dataclass(frozen=True)
class Fragment:
    """One fragment.

    :param text: without its header, as it is sent to a host.
    :param needs: names of the fragments that it uses itself.
    :param values: names of the values that it reads itself.
    :param one_of: fragments of which the caller names one.
    """

    name: str
    text: str
    needs: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()


@cache
def fragment(name: str, kind: str = SH) -> Fragment:
    """Returns the fragment with this name.

    :raises ScriptError: there is none.
    """
    if name not in files(kind):
        raise ScriptError(f"there is no fragment {name}{ENDINGS[kind]}")
    return parse(name, text(kind, name))


def parse(name: str, source: str) -> Fragment:
    """Parses the source of a fragment."""
    lines = source.splitlines()
    header: dict[str, tuple[str, ...]] = dict.fromkeys(_HEADER, ())
    for line in lines:
        if not line.startswith("#"):
            break
        key, colon, names = line.removeprefix("# ").partition(": ")
        if colon and key in header:
            header[key] += tuple(names.split())
    sent = "\n".join(line for line in lines if not line.startswith(_DROPPED)).strip("\n")
    return Fragment(name, sent, *header.values())


@cache
def complete(kind: str, body: tuple[str, ...], named: tuple[str, ...] = ()) -> tuple[Fragment, ...]:
    """The fragments that must precede a body, each after those that it needs itself.

    :param body: names of the fragments that run.
    :param named: names of fragments that the caller chose, in addition to those that the body needs.
    :raises ScriptError: a fragment does not exist, needs itself, or lacks the one that must be named.
    """
    done: dict[str, Fragment] = {}

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " needs ".join((*path[path.index(name) :], name))
            raise ScriptError(f"the fragments go in a circle: {circle}")
        if name in done:
            return
        if name not in files(kind):
            by = f", which {path[-1]} needs" if path else ""
            raise ScriptError(f"there is no fragment {name}{ENDINGS[kind]}{by}")
        found = fragment(name, kind)
        for other in (name for need in found.needs for name in _matching(kind, need)):
            if other in body:
                raise ScriptError(f"the fragment {name} needs {other}, which is a part of the body")
            add(other, (*path, name))
        if found.one_of and len(set(found.one_of) & set(named)) != 1:
            raise ScriptError(f"the fragment {name} needs exactly one of {', '.join(found.one_of)}")
        done[name] = found

    for name in ("lib", *named, *body):
        add(name, ())
    return tuple(found for name, found in done.items() if name not in body)


def _matching(kind: str, need: str) -> list[str]:
    """The needed fragment; for a name that ends in ``*``, all fragments whose names begin so."""
    if not need.endswith("*"):
        return [need]
    return sorted(name for name in files(kind) if name.startswith(need[:-1]))


@cache
def read_by(kind: str, body: tuple[str, ...], named: tuple[str, ...] = ()) -> frozenset[str]:
    """The values that a script's fragments read."""
    found = (*complete(kind, body, named), *(fragment(name, kind) for name in body))
    return frozenset(name for one in found for name in one.values)


def check(title: str, body: Sequence[str], named: Sequence[str], given: Collection[str]) -> None:
    """Checks that a script has all values that it needs, and no others.

    Each kind of shell that has the whole body is checked; a value may be needed by only one of them.

    :raises ScriptError: names the script, the fragment and the value.
    """
    kinds = [kind for kind in (SH, PS) if all(name in files(kind) for name in body)]
    read: set[str] = set()
    try:
        for kind in kinds or [SH]:
            before = complete(kind, tuple(body), tuple(named))
            for found in (*before, *(fragment(name, kind) for name in body)):
                read.update(found.values)
                if lacking := [name for name in found.values if name not in given]:
                    raise ScriptError(f"{found.name}{ENDINGS[kind]} reads {lacking[0]}, which has no value")
        if spare := [name for name in given if name not in read]:
            raise ScriptError(f"no fragment reads the value {spare[0]}")
    except ScriptError as error:
        raise ScriptError(f"the script {title!r}: {error}") from None
