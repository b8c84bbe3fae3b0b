"""How long a node has been up, and whether it stays up: what `status` needs to know before it calls a node healthy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tasks.node.facts import Facts
from tasks.node.processes import Raylet
from tasks.node.watched import NOT_WATCHED, Watched

# Seconds until Ray reports a node that the head cannot reach as dead: Ray's defaults, 5 checks of 10 s each with 3 s
# between them, the first one after 5 s (health_check_* in src/ray/common/ray_config_def.h).
NOTICED = 70
HOUR = 3600
DAY = 86400
RESTLESS = 3  # after as many starts within an hour, a node must stay up for longer to be called healthy
# the watch's phases, see drivers/watch.py
RUNNING, DOWN = "running", "down"
UNDERWAY = ("starting", "pause", "ended")
STARTS = 330  # seconds that a start may take: longer than the longest pause before one
STEADY = 2 * NOTICED  # seconds after which such a node counts as one that stays


@dataclass(frozen=True)
class Life:
    """The life of one node on its host.

    :param age: seconds since its raylet started; None if unknown.
    :param node_id: the raylet's id in Ray's node table; '' if unknown.
    :param raylet: whether a raylet runs; None if unknown.
    :param starts: how often the node was started within an hour before its last start, that one included.
    :param watched: what its watch knows.
    :param clock: seconds since 1970 by the host's clock; None if unknown.
    """

    age: int | None = None
    node_id: str = ""
    raylet: bool | None = None
    starts: int = 0
    watched: Watched = NOT_WATCHED
    clock: int | None = None

    @property
    def young(self) -> bool:
        """Whether Ray may still count the node as alive although the head cannot reach it."""
        return self.age is not None and self.age < NOTICED

    @property
    def restless(self) -> bool:
        """Whether the node keeps starting."""
        return self.starts >= RESTLESS and (self.age is None or self.age < STEADY)

    @property
    def down(self) -> bool:
        """Whether the node stays down until a deploy or a start, since too many starts came to nothing."""
        return self.raylet is False and self.watched.phase == DOWN

    @property
    def starting(self) -> bool:
        """Whether the node has no raylet yet and is on its way."""
        since = self.ago(self.watched.since)
        late = since is not None and since > STARTS
        return self.raylet is False and self.watched.phase in UNDERWAY and not late

    @property
    def dead(self) -> bool:
        """Whether the service runs without a raylet, and will not have one soon."""
        return self.raylet is False and not self.starting

    @property
    def apart(self) -> int | None:
        """For how many seconds the host cannot reach the head; None if it can, or if that is unknown."""
        return None if self.watched.away is None else self.ago(self.watched.away) or 0

    def ago(self, when: int | None) -> int | None:
        """Seconds since then; None if unknown."""
        return None if when is None or self.clock is None else max(self.clock - when, 0)


def of_raylets(raylets: Sequence[Raylet], facts: Facts, starts: int = 0) -> Life:
    """The life of the node that these raylets belong to; the youngest counts."""
    found = sorted(raylets, key=lambda one: (one.age is None, one.age))
    known = Life(raylet=False, starts=starts, watched=facts.watched, clock=facts.clock)
    return replace(known, age=found[0].age, node_id=found[0].node_id, raylet=True) if found else known


def of_watch(facts: Facts, starts: int = 0, age: int | None = None) -> Life:
    """The life of a node whose processes cannot be seen from its host: as its watch tells it.

    :param age: seconds for which the node has been up, where there is no watch.
    """
    known = Life(age=age, starts=starts, watched=facts.watched, clock=facts.clock)
    if not facts.watched.phase:
        return known
    if facts.watched.phase != RUNNING:
        return replace(known, age=None, raylet=False)
    return replace(known, age=known.ago(facts.watched.since), node_id=facts.watched.node_id, raylet=True)


def on_host(facts: Facts) -> Life:
    """The life of a node that runs on the host itself."""
    starts = starts_within_an_hour(facts.starts)
    if facts.raylets is None:
        return of_watch(facts, starts)
    return of_raylets([one for one in facts.raylets if one.own], facts, starts)


def starts_within_an_hour(lines: Sequence[str]) -> int:
    """How many of these starts were within an hour before the last one, the last one included.

    Only the time of day is read: the rest of what `date` prints depends on the host's language. Where the rest is the
    same in two lines, both are of the same day.

    :param lines: the starts in their order, as `date` prints them.
    """
    times = [_time_of_day(line) for line in lines]
    count, passed = 0, 0
    for at in range(len(lines) - 1, -1, -1):
        now, (day, seconds) = times[at + 1 : at + 2], times[at]
        if seconds is None:
            break
        if now:
            next_day, next_seconds = now[0]
            gap = (next_seconds or 0) - seconds
            # without the same day, a gap within one hour can only be across midnight
            passed += gap if day == next_day else gap + DAY if gap < 0 else DAY
        if not 0 <= passed <= HOUR:
            break
        count += 1
    return count


def _time_of_day(line: str) -> tuple[str, int | None]:
    """What is left of a line without its time, and the time in seconds since midnight; None if there is none."""
    found = re.search(r"(\d{1,2}):(\d\d):(\d\d)(?:\s*([AaPp])\.?[Mm]\.?)?", line)
    if not found:
        return line, None
    hours = int(found.group(1))
    if found.group(4):
        hours = hours % 12 + (12 if found.group(4) in "Pp" else 0)
    seconds = hours * HOUR + int(found.group(2)) * 60 + int(found.group(3))
    return line[: found.start()] + line[found.end() :], seconds
