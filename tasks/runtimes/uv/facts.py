"""The Python interpreters on a host."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.node.facts import Facts, OwnFacts


@dataclass(frozen=True)
class UvFacts(OwnFacts):
    """``pythons``: full version and path of each interpreter, in the order in which they were found."""

    pythons: tuple[tuple[str, str], ...] = ()


def parse(values: Mapping[str, Sequence[str]]) -> UvFacts:
    """Parses lines such as ``Python 3.11.2 /usr/bin/python3.11``."""
    found: list[tuple[str, str]] = []
    for value in values.get("python", ()):
        got = re.match(r"Python (\d+\.\d+\.\d+)\S* (/.*)", value)
        if got and (got.group(1), got.group(2)) not in found:
            found.append((got.group(1), got.group(2)))
    return UvFacts(tuple(found))


def pythons_of(facts: Facts) -> tuple[tuple[str, str], ...]:
    """A host's Pythons; empty if the host has another runtime."""
    return facts.own.pythons if isinstance(facts.own, UvFacts) else ()
