"""Hosts that serve files to others. Each serves a few at a time, and a host that has received all files serves too."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass

from tasks.inventory import Secret
from tasks.node.addresses import head_ip, nobodys, worker_ip
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known

AT_ONCE = 4  # how many hosts one source serves at the same time


@dataclass(frozen=True, eq=False)
class Source:
    """A host that serves files. ``token``: the secret part of their addresses."""

    name: str
    address: str
    port: int
    token: Secret


class Pool:
    """All sources; used by one thread for each host that takes from them."""

    def __init__(self, first: Source) -> None:
        self._changed = threading.Condition()
        self._takers: dict[Source, int] = {first: 0}
        self._waiting = 0

    @property
    def crowded(self) -> bool:
        """Whether a host is waiting for a source."""
        with self._changed:
            return self._waiting > 0

    def borrow(self, avoid: Collection[Source] = ()) -> Source | None:
        """The source with the fewest takers; waits until one is free. None if only sources to avoid are left."""
        with self._changed:
            self._waiting += 1
            try:
                while usable := [s for s in self._takers if s not in avoid]:
                    best = min(usable, key=self._takers.__getitem__)
                    if self._takers[best] < AT_ONCE:
                        self._takers[best] += 1
                        return best
                    self._changed.wait()
                return None
            finally:
                self._waiting -= 1

    def give_back(self, source: Source) -> None:
        with self._changed:
            self._takers[source] -= 1
            self._changed.notify_all()

    def add(self, source: Source) -> None:
        """Adds a host that serves files."""
        with self._changed:
            self._takers[source] = 0
            self._changed.notify_all()


def address_of(run: Run, node: Known) -> str:
    """The address under which the other hosts of the cluster reach this one.

    :raises Stop: it has none.
    """
    head = run.head()
    if node.is_head or not isinstance(head, Known):
        found = head_ip(node.subject, [n.subject for n in run.living(Known) if n != node])
    else:
        ip = head_ip(head.subject, [n.subject for n in run.workers(Known)])
        without = nobodys(n.subject for n in run.every(Known))
        found = worker_ip(node.subject, ip, without) if ip else None
    if found is None:
        raise Stop(f"{node.name} has no address that the others could reach", "set node_ip")
    return found
