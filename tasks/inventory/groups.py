"""The groups of a hosts file: each a list of items as in ``--limit``, which may name other groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.inventory.cluster import Host
from tasks.inventory.selection import Look, SelectionError, by_group

Written = Mapping[str, Sequence[str]]
Mistake = tuple[str, str, str]
HERE = "this file"


def resolve_groups(
    written: Written, hosts: tuple[Host, ...]
) -> tuple[dict[str, tuple[str, ...]], list[Mistake]]:
    """The names of each group's hosts, in the order of the hosts, and the mistakes: group, item, message.

    :param written: each group's items, checked one by one.
    """
    reader = _Reader(written, hosts)
    found = {name: reader.names(name) for name in written}
    seen: dict[str, str] = {}
    for name in written:
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            reader.mistakes.append((name, "", f"{first} and {name} are the same to --limit; rename one"))
    return found, reader.mistakes


def look_for(hosts: tuple[Host, ...], groups: Mapping[str, Sequence[str]]) -> Look:
    """Finds the hosts of an item of a group. :param groups: the names of each group's hosts."""
    return Look(hosts, by_group(groups), "", HERE, tuple(groups))


class _Reader:
    def __init__(self, written: Written, hosts: tuple[Host, ...]) -> None:
        self.written, self.hosts = written, hosts
        self.mistakes: list[Mistake] = []
        self._spelled = {name.casefold(): name for name in written}
        self._done: dict[str, tuple[str, ...]] = {}
        self._open: list[str] = []

    def names(self, name: str) -> tuple[str, ...]:
        if name in self._done:
            return self._done[name]
        self._open.append(name)
        look = Look(self.hosts, self._other, "", HERE, tuple(self.written))
        good = []
        for item in self.written[name]:
            try:
                if item.casefold().lstrip("! ").startswith(("state:", "@failed")):
                    raise SelectionError(f"{item}: this changes from run to run; it is for --limit only")
                look.of(item)
                good.append(item)
            except SelectionError as error:
                self.mistakes.append((name, item, str(error)))
        self._open.pop()
        self._done[name] = tuple(host.name for host in look.every(good)) if good else ()
        return self._done[name]

    def _other(self, name: str) -> tuple[str, ...] | None:
        """The hosts of another group. :raises SelectionError: the groups contain each other."""
        known = self._spelled.get(name.casefold())
        if known in self._open:
            path = " > ".join([*self._open[self._open.index(known) :], known])
            raise SelectionError(f"@{name}: a group cannot contain itself ({path})")
        return None if known is None else self.names(known)
