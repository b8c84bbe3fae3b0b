"""The condas on a host, and the state of the folder in which one would be installed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.inventory import Host
from tasks.node.facts import Facts, OwnFacts, Questions

KINDS = ("conda", "mamba", "micromamba")  # in the order of preference
PREFIX_STATES = ("absent", "ours", "found", "broken", "foreign")


@dataclass(frozen=True)
class Conda:
    """A conda, mamba or micromamba on a host."""

    kind: str
    version: str
    path: str


@dataclass(frozen=True)
class CondaFacts(OwnFacts):
    """Conda on one host.

    :param condas: the working ones, the preferred one first.
    :param prefix: the state of ``conda.prefix``, one of :data:`PREFIX_STATES`; '' if the host did not report it.
    """

    condas: tuple[Conda, ...] = ()
    prefix: str = ""


def prefix_of(host: Host) -> str:
    """``conda.prefix`` as scripts read it: a relative path starts in the user's home."""
    prefix = host.conda.prefix
    return prefix[1:].lstrip("/") if prefix.startswith("~") else prefix


def questions(host: Host) -> Questions:
    """Conda's part of the facts script."""
    return Questions(("conda_find",), {"CONDA_PREFIX_WANTED": prefix_of(host)})


def parse(values: Mapping[str, Sequence[str]]) -> CondaFacts:
    """Parses the answer of ``conda_find.sh``."""
    prefix = (values.get("conda_prefix") or [""])[-1].strip()
    return CondaFacts(parse_condas(values.get("conda", ())), prefix)


def parse_condas(lines: Sequence[str]) -> tuple[Conda, ...]:
    """Parses lines such as ``conda 24.1.2 /opt/conda/bin/conda``; the result is sorted by :data:`KINDS`."""
    pattern = re.compile(r"(\w+) (\S+) ((?:/|[A-Za-z]:\\).+)")
    found = [Conda(*got.groups()) for line in lines if (got := pattern.fullmatch(line))]
    return tuple(sorted((c for c in found if c.kind in KINDS), key=lambda c: KINDS.index(c.kind)))


def conda_of(facts: Facts) -> CondaFacts:
    """Conda's part of a host's facts; empty if the host has another runtime."""
    return facts.own if isinstance(facts.own, CondaFacts) else CondaFacts()
