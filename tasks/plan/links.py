"""Connections between many hosts: who tries whom and when, and the results in few lines. For the doctor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_high, median_low

from tasks.inventory.fold import folded
from tasks.node import ray
from tasks.node.subject import Subject
from tasks.plan.outcomes import FAIL, WARN, Outcome, passed
from tasks.plan.reach import Pair, can_listen, partners, ports_of
from tasks.text.wording import counted

MOST_LINES = 20  # in the table; all pairs are in the JSON
SLOW = 0.5  # of the median
FAR, FAR_US = 3.0, 500.0  # times the median, and microseconds above it
Names = tuple[str, str]


def pairs_of(names: Sequence[str], head: str, *, full: bool) -> list[Names]:
    """Who tries whom. :param full: everybody everybody."""
    if full:
        return [(a, b) for a in names for b in names if a != b]
    return partners(names, head)


def rounds(pairs: Sequence[Names], most: int) -> list[list[Names]]:
    """The pairs in rounds, in each of which a host is at most so often the source, and so often the target."""
    out: list[list[Names]] = []
    used: list[dict[tuple[str, str], int]] = []
    begin: dict[tuple[str, str], int] = {}  # no place before this round is free for an end
    for source, target in pairs:
        ends = (("from", source), ("to", target))
        at = max(begin.get(end, 0) for end in ends)
        while at < len(out) and any(used[at].get(end, 0) >= most for end in ends):
            at += 1
        if at == len(out):
            out.append([])
            used.append({})
        out[at].append((source, target))
        for end in ends:
            used[at][end] = used[at].get(end, 0) + 1
            first = begin.get(end, 0)
            while first < len(out) and used[first].get(end, 0) >= most:
                first += 1
            begin[end] = first
    return out


def apart(pairs: Sequence[Names], most: int) -> list[list[Names]]:
    """The first rounds of those in which each host takes part in one pair only, so that none disturbs another."""
    left, out = list(pairs), []
    while left and len(out) < most:
        busy: set[str] = set()
        now = []
        for source, target in left:
            if source not in busy and target not in busy:
                busy |= {source, target}
                now.append((source, target))
        taken = set(now)
        left = [pair for pair in left if pair not in taken]
        out.append(now)
    return out


def ring(names: Sequence[str]) -> list[Names]:
    """Each host to the next one, the last to the first: so each sends once and takes once."""
    if len(names) < 2:
        return []
    return [(name, names[(at + 1) % len(names)]) for at, name in enumerate(names)]


def ports_to_try(subject: Subject) -> tuple[list[int], frozenset[int], frozenset[int]]:
    """The ports of a host, those of them on which the doctor listens, and those on which something listens already."""
    low, high = ray.worker_ports(subject.host)
    used = subject.facts.ports
    free = [port for port in range(low, min(high, low + 100) + 1) if port not in used][:1]
    ports = list(dict.fromkeys([*ports_of(subject, running=True), *free]))
    theirs = frozenset(port for port in ports if port in used)
    ours = frozenset(ports) - theirs if can_listen(subject) else frozenset()
    return ports, ours, theirs


@dataclass(frozen=True)
class Wall:
    """Hosts that cannot reach others, by ports and reason.

    :param nobody: not each of the sources has tried each of the targets, but none of the targets was reached.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    ports: tuple[int, ...]
    why: str
    nobody: bool = False

    @property
    def text(self) -> str:
        ports = folded(str(port) for port in self.ports).replace("[", "").replace("]", "")
        there = f"{folded(self.targets)}:{ports}"
        if self.nobody:
            return f"no host that tried can reach {there}: {self.why}"
        return f"{folded(self.sources)} cannot reach {there}: {self.why}"


def walls(pairs: Sequence[Pair]) -> list[Wall]:
    """The failed pairs, in as few products of sources and targets as are found.

    A product holds tried pairs only, so that nothing is said of what nobody has tried; and a host and itself.
    """
    failed: dict[tuple[tuple[int, ...], str], set[Names]] = {}
    for pair in pairs:
        for why, ports in pair.problems.items():
            failed.setdefault((tuple(ports), _reason(why, pair)), set()).add((pair.source, pair.target))
    out = []
    for (ports, why), found in failed.items():
        one, other = _products(found), [(b, a) for a, b in _products({(b, a) for a, b in found})]
        for sources, targets in min(one, other, key=len):
            out.append(Wall(tuple(sources), tuple(targets), ports, why))
    return out


def _reason(why: str, pair: Pair) -> str:
    """Without the target's name, which would keep the same thing on several hosts apart."""
    return why.replace(f" {pair.target} ", " something ")


def _products(found: set[Names]) -> list[tuple[list[str], list[str]]]:
    """Sources that fail at the same targets, together; a host is never its own target."""
    targets: dict[str, set[str]] = {}
    for source, target in sorted(found):
        targets.setdefault(source, set()).add(target)
    out: list[tuple[list[str], set[str]]] = []
    for source, own in targets.items():
        for sources, common in out:
            # the same but for these hosts themselves
            if common | {source} == own | {source, *(common & set(sources))} and (
                own - common <= set(sources) and common - own <= {source}
            ):
                common |= own
                sources.append(source)
                break
        else:
            out.append(([source], set(own)))
    return [(sources, sorted(common)) for sources, common in out]


def shut(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """Hosts that nobody reaches who has tried, each with those who have: two at least."""
    tried: dict[str, list[Pair]] = {}
    for pair in pairs:
        tried.setdefault(pair.target, []).append(pair)
    return {
        target: [pair.source for pair in found]
        for target, found in tried.items()
        if len(found) > 1 and all(pair.problems for pair in found)
    }


def connections(pairs: Sequence[Pair], way: Callable[[Wall], str], kinds: Mapping[str, str]) -> list[Outcome]:
    """The outcomes for the table; those of hosts that nobody reaches in one line for all of them.

    :param way: what lets the sources of a wall in. :param kinds: the firewall of each host: a line is about one kind.
    """
    found = walls(pairs)
    if len(found) > MOST_LINES:
        closed = shut(pairs)
        rest = walls([pair for pair in pairs if pair.target not in closed])
        why: dict[tuple[tuple[int, ...], str], list[Pair]] = {}
        for pair in pairs:
            if pair.target in closed:
                for reason, ports in pair.problems.items():
                    why.setdefault((tuple(ports), _reason(reason, pair)), []).append(pair)
        found = [_closed(those, *key) for key, those in why.items()] + rest
    out = []
    for wall in found[:MOST_LINES]:
        parts = _by_firewall(wall, kinds)
        out += [Outcome(part.targets, "ports", FAIL, part.text, way(part)) for part in parts]
    if len(found) > MOST_LINES:
        left = found[MOST_LINES:]
        nodes = tuple(dict.fromkeys(name for wall in left for name in wall.targets))
        text = f"and {counted(len(left), 'more combination')}; --json has them all"
        out.append(Outcome(nodes, "ports", FAIL, text, way(left[0])))
    return out


def _closed(pairs: Sequence[Pair], ports: tuple[int, ...], why: str) -> Wall:
    sources, targets = (
        tuple(dict.fromkeys(getattr(one, end) for one in pairs)) for end in ("source", "target")
    )
    return Wall(sources, targets, ports, why, nobody=True)


def _by_firewall(wall: Wall, kinds: Mapping[str, str]) -> list[Wall]:
    parts: dict[str, list[str]] = {}
    for target in wall.targets:
        parts.setdefault(kinds.get(target, ""), []).append(target)
    return [replace(wall, targets=tuple(targets)) for targets in parts.values()]


@dataclass(frozen=True)
class Speed:
    """What was measured from one host to another. :param rate: bytes a second. :param trip: microseconds."""

    source: str
    target: str
    rate: float
    trip: float


def rate_text(rate: float) -> str:
    """``940 Mbit/s``."""
    bits = rate * 8
    return f"{bits / 1e9:.1f} Gbit/s" if bits >= 1e9 else f"{bits / 1e6:.0f} Mbit/s"


def trip_text(trip: float) -> str:
    """``0.12 ms``."""
    return f"{trip / 1000:.2f} ms"


def speeds(found: Sequence[Speed]) -> list[Outcome]:
    """The medians as a pass, and what is far from them."""
    if not found:
        return []
    nodes = tuple(dict.fromkeys(name for one in found for name in (one.source, one.target)))
    middle, usual = median_high(one.rate for one in found), median_low(one.trip for one in found)
    slow = [one for one in found if one.rate < middle * SLOW]
    out = _slow(found, slow, middle)
    way = "ping between the two; a busy host, a long way or a VPN"
    for one in found:
        if one.trip > usual * FAR and one.trip > usual + FAR_US:
            text = f"{one.source} to {one.target}: {trip_text(one.trip)}, the median is {trip_text(usual)}"
            out.append(Outcome((one.source,), "latency", WARN, text, way))
    count = counted(len(found), "pair")
    for check, text in (("bandwidth", rate_text(middle)), ("latency", trip_text(usual))):
        of_check = [one for one in out if one.check == check]
        out += passed(of_check, nodes, check, f"median {text} over {count}")[len(of_check) :]
    return out


def _slow(found: Sequence[Speed], slow: Sequence[Speed], middle: float) -> list[Outcome]:
    """Slow pairs; of a host that is slow to or from every other, one line."""
    out, left = [], list(slow)
    way = (
        "ethtool INTERFACE (speed, duplex, errors), its cable or switch port, tc qdisc show; or other traffic"
    )
    for end in ("source", "target"):
        for name in dict.fromkeys(getattr(one, end) for one in slow):
            own = [one for one in found if getattr(one, end) == name]
            bad = [one for one in own if one in left]
            if len(own) > 1 and len(bad) == len(own):
                rate = rate_text(median_high(one.rate for one in own))
                verb = "sends" if end == "source" else "receives"
                text = f"{verb} at {rate}, the median of all is {rate_text(middle)}"
                out.append(Outcome((name,), "bandwidth", WARN, text, way))
                left = [one for one in left if one not in bad]
    for one in left:
        text = f"{one.source} to {one.target}: {rate_text(one.rate)}, the median is {rate_text(middle)}"
        out.append(Outcome((one.source,), "bandwidth", WARN, text, way))
    return out
