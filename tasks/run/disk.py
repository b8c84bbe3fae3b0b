"""What takes up space on a host, as ``sh/disk.sh`` reports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = ("logs", "sessions", "spill", "environments", "images")  # in the order of the table
OTHERS = "downloads"  # what an interrupted one has left: it is removed, but has no column


@dataclass(frozen=True)
class Item:
    """One thing that takes up space.

    :param state: used, old, removed, or left: it could not be removed.
    :param size: bytes.
    :param what: a path, or the id of an image.
    """

    kind: str
    state: str
    size: int
    what: str


@dataclass(frozen=True)
class Usage:
    """One host.

    :param free: free and total bytes of the file system with Ray's folder (ray), with the folder for spilled objects
        (spill) and with the user's home (home).
    :param unread: why Ray's folders could not be looked at; '' if they were.
    """

    items: tuple[Item, ...] = ()
    free: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    unread: str = ""

    def size(self, kind: str) -> int:
        return sum(item.size for item in self.items if item.kind == kind)

    def in_state(self, state: str) -> list[Item]:
        return [item for item in self.items if item.state == state]


def parse_usage(values: Mapping[str, Sequence[str]], texts: Mapping[str, Sequence[str]]) -> Usage:
    """Parses the answer of that script."""
    items = []
    for line in texts.get("item", ()):
        kind, state, size, what = [*line.split(" ", 3), "", "", ""][:4]
        if size.isdigit():
            items.append(Item(kind, state, int(size), what))
    rows = [line.split() for line in texts.get("free", ())]
    free = {row[0]: (int(row[1]), int(row[2])) for row in rows if len(row) == 3}
    return Usage(tuple(items), free, (values.get("unread") or [""])[-1])


def as_json(usage: Usage) -> dict[str, Any]:
    """Bytes of each kind, and what is free."""
    out: dict[str, Any] = {kind: usage.size(kind) for kind in KINDS}
    out["free"] = {what: free for what, (free, _) in usage.free.items()}
    out["size"] = {what: size for what, (_, size) in usage.free.items()}
    return {**out, "problem": usage.unread or None}
