"""What differs between a folder here and the same folder on a host, and which contents travel to which hosts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FOLDER, FILE, LINK, MODE, DELETE = "folder", "file", "link", "mode", "delete"
# drwxr-xr-x 2 0 0 4096 Jan 1 2026 ./name
_LS = re.compile(
    r"([-a-z])([-rwxsStTlL]{9})[.+@]?\s+\d+\s+\S+\s+\S+\s+(?:\d+|\d+,\s*\d+)\s+\S+\s+\S+\s+\S+\s+(\./.*)"
)


@dataclass(frozen=True)
class Entry:
    """One thing in the folder.

    :param path: relative, beginning with ``./``.
    :param kind: folder, file or link.
    :param value: the SHA-256 of a file, the target of a link.
    """

    path: str
    kind: str
    mode: int = 0o755
    size: int = 0
    value: str = "-"


@dataclass(frozen=True)
class Change:
    """One change on a host; ``what`` is the kind of an entry, mode or delete."""

    what: str
    entry: Entry

    def line(self) -> str:
        """As ``sh/sync_apply.sh`` reads it."""
        one = self.entry
        return "\t".join((self.what, f"{one.mode:o}", one.value, one.path))


@dataclass
class There:
    """What is on a host: kind and mode by path, the sums of files, targets of links, and all files of the folder."""

    modes: dict[str, tuple[str, int]] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)


def parse(texts: Mapping[str, Sequence[str]]) -> There:
    """The answer of ``sh/sync_look.sh``."""
    there = There()
    kinds = {"d": FOLDER, "l": LINK, "-": FILE}
    for line in texts.get("there", ()):
        if match := _LS.fullmatch(line):
            kind, path = kinds.get(match[1], "other"), match[3]
            if kind == LINK:
                path, _, target = path.partition(" -> ")
                there.targets[path] = target
            there.modes[path] = kind, _bits(match[2])
    for line in texts.get("sum", ()):
        if match := re.fullmatch(r"([0-9a-f]{64}) [ *](\./.*)", line):
            there.sums[match[2]] = match[1]
    there.found = [path for path in texts.get("found", ()) if path.startswith("./")]
    return there


def _bits(text: str) -> int:
    """``rwxr-xr-x`` -> 0o755."""
    return sum(1 << (8 - at) for at, sign in enumerate(text) if sign in "rwxst")


def changes(entries: Sequence[Entry], there: There, *, delete: bool) -> list[Change]:
    """What has to be done on a host, folders before what is in them."""
    out = []
    for one in entries:
        kind, mode = there.modes.get(one.path, ("", -1))
        same = kind == one.kind
        if one.kind == FILE:
            same = same and there.sums.get(one.path) == one.value
        elif one.kind == LINK:
            same = same and there.targets.get(one.path) == one.value
        if not same:
            out.append(Change(one.kind, one))
        elif one.kind != LINK and mode != one.mode:
            out.append(Change(MODE, one))
    if delete:
        known = {one.path for one in entries}
        out += [Change(DELETE, Entry(path, FILE)) for path in sorted(set(there.found) - known)]
    return out


def contents(found: Sequence[Change]) -> dict[str, int]:
    """The contents that a host lacks: SHA-256 -> size."""
    return {one.entry.value: one.entry.size for one in found if one.what == FILE}


def portions(lacking: Mapping[str, Mapping[str, int]]) -> dict[frozenset[str], list[str]]:
    """The contents, by the set of hosts that lack them: so each travels once, and no host gets what it has.

    :param lacking: the contents that each host lacks, by its name.
    """
    hosts: dict[str, set[str]] = {}
    for name, sums in lacking.items():
        for one in sums:
            hosts.setdefault(one, set()).add(name)
    out: dict[frozenset[str], list[str]] = {}
    for one in sorted(hosts):
        out.setdefault(frozenset(hosts[one]), []).append(one)
    return out
