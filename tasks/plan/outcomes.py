"""What the doctor says: one line for a check and the hosts that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

PASS, WARN, FAIL, SKIP = "pass", "warn", "fail", "skip"
ORDER = (FAIL, WARN, SKIP, PASS)  # in the table


@dataclass(frozen=True)
class Outcome:
    """One result.

    :param result: pass, warn, fail, or skip: it could not be tested, and the message says why.
    :param hint: how to fix it; '' for what passes.
    :param repair: the name of what ``--fix`` does about it; '' for nothing.
    """

    nodes: tuple[str, ...]
    check: str
    result: str
    message: str = ""
    hint: str = ""
    repair: str = ""


def merged(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """What is the same on several hosts as one outcome; what is worst comes first, then by the order of the checks."""
    every = list(outcomes)
    checks = list(dict.fromkeys(one.check for one in every))
    alike: dict[Outcome, list[str]] = {}
    for one in every:
        alike.setdefault(replace(one, nodes=()), []).extend(one.nodes)
    out = [replace(one, nodes=tuple(dict.fromkeys(nodes))) for one, nodes in alike.items()]
    return sorted(out, key=lambda one: (ORDER.index(one.result), checks.index(one.check)))


def passed(outcomes: Sequence[Outcome], names: Iterable[str], check: str, message: str) -> list[Outcome]:
    """These outcomes, and a pass for the hosts that none of them is about."""
    bad = {name for one in outcomes for name in one.nodes}
    good = tuple(name for name in names if name not in bad)
    return [*outcomes, *([Outcome(good, check, PASS, message)] if good else [])]
