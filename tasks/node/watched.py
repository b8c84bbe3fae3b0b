"""What watches a node on its host, and what it knows: ``drivers/watch.py`` writes it, facts read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Watched:
    """A node as its watch sees it. Times are seconds since 1970 by the host's clock.

    :param phase: pause (before another start), waiting (for the head), starting, running, ended, down (for good); ''
        where there is no watch.
    :param since: when that phase began.
    :param why: the last fault.
    :param faults: how many there were within the last hour.
    :param away: since when the host cannot reach the head; None if it can.
    :param node_id: the raylet's id in Ray's node table; '' if unknown.
    :param starts: how many starts there were within an hour before the last one, that one included.
    """

    phase: str = ""
    since: int | None = None
    why: str = ""
    faults: int = 0
    away: int | None = None
    node_id: str = ""
    starts: int = 0


NOT_WATCHED = Watched()


def parse_watched(text: str) -> Watched:
    """The file's line; whatever is no such line is an empty answer, since a container's user may write the file."""
    try:
        found = json.loads(text)
    except ValueError:
        return NOT_WATCHED
    if not isinstance(found, dict):
        return NOT_WATCHED
    faults, starts = found.get("faults"), found.get("starts")
    return Watched(
        phase=_text(found, "phase"),
        since=_time(found, "since"),
        why=_text(found, "why"),
        faults=len(faults) if isinstance(faults, list) else 0,
        away=_time(found, "away"),
        node_id=_text(found, "node"),
        starts=len(starts) if isinstance(starts, list) else 0,
    )


def _text(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    return "".join(sign for sign in value if sign.isprintable())[:200] if isinstance(value, str) else ""


def _time(found: Mapping[str, Any], key: str) -> int | None:
    value = found.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
