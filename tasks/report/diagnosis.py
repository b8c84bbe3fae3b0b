"""A first diagnosis of a cluster in at most 20 lines, from what was collected of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tasks.report.handover import names
from tasks.report.incidents import DISK, EXIT, OOM, Incident
from tasks.report.reasons import fix
from tasks.text.wording import counted

MOST = 20
FULL = 95  # percent of a file system; then Ray makes no objects any more
SKEW = 2.0  # seconds
RESTLESS = 3  # starts within an hour


@dataclass(frozen=True)
class Seen:
    """What one host said.

    :param behind: seconds by which its clock is behind this machine's; None if unknown.
    :param df: the lines of ``df -Pk``.
    :param starts: starts of its node within the last hour before its last one.
    :param service: what its supervisor says.
    """

    behind: float | None = None
    df: Sequence[str] = ()
    starts: int = 0
    service: str = ""


@dataclass(frozen=True)
class Case:
    """All that a diagnosis is made of.

    :param dead: why a host could not be asked, by its name.
    :param nodes: ``nodes`` of ``fab status --json``.
    :param table: Ray's own node table.
    :param asides: what failed on the head while it was asked, and did not keep the rest from being collected.
    """

    hosts: int
    dead: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    nodes: Sequence[Mapping[str, Any]] = ()
    table: Sequence[Mapping[str, Any]] = ()
    incidents: Sequence[Incident] = ()
    asides: Sequence[str] = ()


def diagnosis(case: Case) -> list[str]:
    """The lines, what explains most first."""
    lines = [f"{case.hosts - len(case.dead)} of {counted(case.hosts, 'host')} could be asked"]
    lines += [*_folded("unreachable", case.dead), *case.asides]
    lines += _found(case, OOM) + _full(case) + _found(case, DISK) + _found(case, EXIT)
    reasons = [str(one.get("reason") or "") for one in case.table if not one.get("alive")]
    lines += [f"Ray's table, dead: {count} x {why}" for why, count in _counted(filter(None, reasons))]
    restless = {name: str(one.starts) for name, one in case.seen.items() if one.starts >= RESTLESS}
    lines += [f"{name}: {count} starts within an hour" for name, count in restless.items()]
    lines += [f"{name}: the supervisor says: {one.service}" for name, one in case.seen.items() if _bad(one)]
    lines += _skew(case.seen)
    problems = {str(n["name"]): str(n["problem"]) for n in case.nodes if n.get("problem")}
    lines += _folded("status", {name: why for name, why in problems.items() if name not in case.dead})
    others = [one for one in case.incidents if one.kind not in (OOM, DISK, EXIT)]
    lines += [_said(one) for one in others]
    if len(lines) == 1:
        lines.append(
            "nothing stands out: no kill, no full disk, no ended process, no dead node, no traceback"
        )
    short = [line[:300] for line in lines]
    return [*short[: MOST - 1], f"and {len(short) - MOST + 1} more"] if len(short) > MOST else short


def _found(case: Case, kind: str) -> list[str]:
    return [_said(one) for one in case.incidents if one.kind == kind]


def _said(one: Incident) -> str:
    way = fix([one.text])
    where = names(sorted(one.hosts), 4)
    return f"{one.kind}: {one.count} x on {where}, last {one.last or 'unknown'}: {one.text}" + (
        f" → {way}" if way else ""
    )


def _full(case: Case) -> list[str]:
    out = []
    for name, seen in case.seen.items():
        for line in seen.df:
            found = re.match(r"(\S+)\s+(\d+)\s+\d+\s+\d+\s+(\d+)%\s+(/.*)", line)
            # images of programs are always full
            if found and int(found.group(3)) >= FULL and not re.match(r"/dev/loop|squashfs", found.group(1)):
                out.append(f"{name}: {found.group(4)} is {found.group(3)} % full")
    return out


def _bad(seen: Seen) -> bool:
    return bool(re.search(r"Result=(?!success)\w|\"OOMKilled\":true|ActiveState=failed", seen.service))


def _skew(seen: Mapping[str, Seen]) -> list[str]:
    known = {name: one.behind for name, one in seen.items() if one.behind is not None}
    if len(known) < 2:
        return []
    middle = median(known.values())
    off = {name: middle - value for name, value in known.items() if abs(value - middle) >= SKEW}
    return [
        f"{name}: its clock is {abs(by):.0f} s {'fast' if by > 0 else 'slow'}" for name, by in off.items()
    ]


def _folded(what: str, whys: Mapping[str, str]) -> list[str]:
    """A line for each reason, with its hosts."""
    by_why: dict[str, list[str]] = {}
    for name, why in whys.items():
        by_why.setdefault(why, []).append(name)
    return [f"{what}: {names(hosts, 4)}: {why}" for why, hosts in by_why.items()]


def _counted(texts: Iterable[str]) -> list[tuple[str, int]]:
    out: dict[str, int] = {}
    for text in texts:
        out[text] = out.get(text, 0) + 1
    return sorted(out.items(), key=lambda one: -one[1])
