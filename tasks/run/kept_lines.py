"""The connections of a command that asks the same hosts again and again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tasks.run.failures import Failure
from tasks.run.run import Run
from tasks.run.stages import Listed, Reached

FIRST, LONGEST = 5.0, 60.0  # seconds until a host that cannot be reached is tried again, doubled each time


@dataclass
class _Away:
    """A host that cannot be reached: why, and when it is tried again."""

    failure: Failure
    delay: float
    at: float


@dataclass
class KeptLines:
    """Open connections, by the host's name, and the hosts that are tried less and less often."""

    _open: dict[str, Reached] = field(default_factory=dict)
    _away: dict[str, _Away] = field(default_factory=dict)

    def take_up(self, run: Run) -> list[Listed]:
        """Puts the open connections into a new run; the hosts that are to be connected to now."""
        due = []
        for node in run.living():
            away = self._away.get(node.name)
            if node.name in self._open:
                run.put(node.reached(self._open[node.name].connection))
            elif away and time.monotonic() < away.at:
                run.fail(node, away.failure)
            else:
                due.append(node)
        return due

    def keep(self, run: Run) -> None:
        """After a round: keeps the connections of hosts that have answered, and closes the others."""
        for node in run.every():
            failure = run.failure(node)
            if failure is None and isinstance(node, Reached):
                self._open[node.name] = node
                self._away.pop(node.name, None)
            elif failure is not None:
                self._fail(node, failure)

    def _fail(self, node: Listed, failure: Failure) -> None:
        if isinstance(node, Reached):
            node.connection.close()
        self._open.pop(node.name, None)
        away, now = self._away.get(node.name), time.monotonic()
        if away is None or now >= away.at:
            delay = min(LONGEST, away.delay * 2) if away else FIRST
            self._away[node.name] = _Away(failure, delay, now + delay)

    def slower(self) -> dict[str, float]:
        """Seconds between two tries, for each host that cannot be reached."""
        return {name: away.delay for name, away in self._away.items()}

    def close(self) -> None:
        for node in self._open.values():
            node.connection.close()
        self._open.clear()
