"""The doctor's table, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from rich.text import Text

from tasks.inventory.fold import fold, folded
from tasks.report.console import Console
from tasks.report.table import Column
from tasks.report.typed import as_typed

COLUMNS = (Column("node"), Column("check", names=True), Column("result"), Column("message", wraps=True))
STYLES = {"pass": "green", "warn": "yellow", "fail": "red", "skip": "dim"}
NAMED = 6  # names or ranges of names in one cell


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Result(_Model):
    """One result of one check."""

    nodes: list[str]
    check: str
    result: Literal["pass", "warn", "fail", "skip"]
    message: str
    fix: str | None = Field(description="what to do about it")


class Connection(_Model):
    """What one host got at a port of another."""

    source: str
    target: str
    port: int
    result: str = Field(
        description="open, timeout, refused, silent, stalled, other NAME, error TEXT, unknown"
    )
    listens: bool = Field(description="whether something certainly listened there")


class Speed(_Model):
    """Bandwidth and the time of a round trip from one host to another."""

    source: str
    target: str
    bits_per_second: float
    round_trip_ms: float


class Repair(_Model):
    """What --fix did."""

    node: str
    what: str
    problem: str | None = Field(description="why it was not done; null: it was")


class Burned(_Model):
    """One part of a burn-in on one host."""

    node: str
    part: str
    value: float | None
    unit: str | None
    errors: int
    problem: str | None = Field(description="why it was not tried")


class Report(_Model):
    """The output of fab doctor --json."""

    version: Literal[1] = 1
    cluster: str
    ok: bool = Field(description="nothing failed; there may be warnings")
    results: list[Result]
    connections: list[Connection] = []
    speeds: list[Speed] = []
    repairs: list[Repair] = []
    burn_in: list[Burned] = []


def schema() -> dict[str, Any]:
    """The JSON Schema of :class:`Report`; ``schemas/doctor.json`` is the same."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Report.model_json_schema(mode="serialization"),
    }


def show(console: Console, results: Sequence[Result]) -> None:
    """Prints what is wrong first, each host's name in short form, then each fix once."""
    rows = [
        (
            short(one.nodes),
            one.check,
            Text(one.result, style=STYLES[one.result]),
            Text(as_typed(one.message)),
        )
        for one in results
    ]
    console.table(COLUMNS, rows)
    fixes: dict[str, list[str]] = {}
    for one in results:
        if one.fix and one.result in ("warn", "fail"):
            fixes.setdefault(one.fix, []).extend(one.nodes)
    for fix, nodes in fixes.items():
        console.print(Text.assemble(("  → ", "yellow"), f"{short(nodes)}: ", as_typed(fix)))


def short(nodes: Sequence[str]) -> str:
    """``node[1-3],x`` and how many more."""
    found = fold(nodes)
    more = len(found) - NAMED
    if more < 2:
        return folded(nodes) or "-"
    return ",".join(found[:NAMED]) + f" and {more} more"
