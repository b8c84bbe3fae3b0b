"""Kits for tests, made of files."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.kit import Kit
from tasks.runtimes.packages.lock import Lock


def kit_of(
    items: Sequence[Item], python: str, runtime: str = "conda", platform: str = "linux-64", ray: str = "2.7.2"
) -> Kit:
    """A kit with these files, and a lock of those that a lock has."""
    locked = tuple(item for item in items if item.kind in ("python", "conda", "wheel"))
    sources = tuple(item for item in items if item.kind == "sdist")
    lock = Lock(platform, python, ray, "", (*locked, *sources), runtime)
    of_kind = {item.kind: item for item in items}
    return Kit(lock, locked, of_kind.get("tool"), of_kind.get("installer"), sources=sources)
