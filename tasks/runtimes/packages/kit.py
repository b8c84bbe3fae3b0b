"""The files that one host installs."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import Lock


@dataclass(frozen=True)
class Kit:
    """The files of a lock that a host needs, and the programs that install them.

    :param locked: the files of the lock, without the packages' sources.
    :param uv: uv's own wheel; None if the index has none for the host.
    :param tool: the program that installs Python, see ``Recipe.tool``.
    :param wheels: built from source on the operator's machine.
    :param sources: to be built on the host.
    """

    lock: Lock
    locked: tuple[Item, ...] = ()
    uv: Item | None = None
    tool: Item | None = None
    wheels: tuple[Item, ...] = ()
    sources: tuple[Item, ...] = ()

    @property
    def items(self) -> list[Item]:
        """All files. What the others are installed with comes first."""
        first = [item for item in (self.tool, self.uv) if item]
        first += [item for item in self.locked if item.kind == "python"]
        return [*first, *(i for i in self.locked if i.kind != "python"), *self.wheels, *self.sources]
