"""Why a node is held back: drained, or its host is in maintenance. It is a file in the node's folder on the host.

While the file is there, the node's start script waits and starts nothing, whatever its supervisor does, and Docker's
restart policy is off. So nothing starts the node again in the moment in which its raylet has left after a drain. The
script that starts a node on purpose removes the file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from tasks.node.names import basics
from tasks.node.start import secrets_of
from tasks.script.script import Script, render

DRAIN, MAINTENANCE, RESTART = "drain", "maintenance", "restart"
LONG = 200  # characters of a reason


@dataclass(frozen=True)
class Hold:
    """One hold.

    :param kind: :data:`DRAIN`, :data:`MAINTENANCE`, or :data:`RESTART` for the time in which a restart works on it.
    :param since: ``YYYY-MM-DD HH:MM ZONE`` by the clock of the person.
    :param who: ``name@machine`` of the person.
    :param why: the reason that the person gave.
    """

    kind: str
    since: str = ""
    who: str = ""
    why: str = ""

    def __str__(self) -> str:
        since = f" since {self.since}" if self.since else ""
        if self.kind == MAINTENANCE:
            return f"in maintenance{since}: {self.why or 'no reason was given'}"
        return f"drained{since}" if self.kind == DRAIN else f"held by a rolling restart{since}"


def parse(text: str) -> Hold | None:
    """The hold in a host's file; None if there is none. One that cannot be read is a drain."""
    if not text.strip():
        return None
    try:
        found = json.loads(text)
        words = {key: _plain(found.get(key, "")) for key in ("kind", "since", "who", "why")}
    except (ValueError, AttributeError):
        return Hold(DRAIN)
    return Hold(**words) if words["kind"] in (DRAIN, MAINTENANCE, RESTART) else Hold(DRAIN)


def _plain(text: object) -> str:
    return "".join(char if char.isprintable() else " " for char in str(text))[:LONG]


def hold_script(cluster: str, hold: Hold | None, *, sudo: bool = False) -> Script:
    """Holds the node back, before it is drained; None: removes the hold, and starts nothing."""
    text = json.dumps({key: _plain(value) for key, value in asdict(hold).items()}) if hold else ""
    title = "hold the node back" if hold else "end the hold"
    return render(title, "hold", {**basics(cluster), "HOLD": text}, secrets=secrets_of(sudo=sudo))
