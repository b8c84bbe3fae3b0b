"""What `fab history` prints: the changes that the head remembers, and those that this machine has made."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.actions import audit, cli
from tasks.phases import operation
from tasks.phases.read_history import read_history
from tasks.report import handover
from tasks.report.console import Console
from tasks.report.lines import clean
from tasks.report.table import Column
from tasks.run import history
from tasks.run.operate import operate
from tasks.text.durations import took

VERSION = 1
COLUMNS = (
    Column("when"),
    Column("who", as_text="by {}".format),
    Column("command", wraps=True),
    Column("hosts", as_text="on {}".format, wraps=True),
    Column("result", as_text=str),
    Column("took", as_text="{} long".format, each=True),
    Column("why", wraps=True),
)


def show(
    hosts_file: str | None, host: Sequence[str] | None, *, last: object, json_: bool, debug: bool
) -> int:
    """Prints it; returns the exit status."""
    most = cli.number("--last", last, 1, 100_000)
    console = Console(sys.stderr)
    cluster = cli.read(hosts_file, console)
    names = cli.selected(cluster, host, "--host") if host else frozenset()
    run = cli.make_run(cluster, console, "history", hosts=[cluster.head], debug=debug)
    console.quiet = not debug
    remembered: list[dict[str, Any]] = []
    code = operate(run, (*operation.REACH, read_history(remembered)), report=False)
    console.quiet = False
    if code == 130:
        return code
    found = history.merged(remembered, audit.changes(cluster))
    entries = (history.about(found, names) if names else found)[-most:]
    why = run.failure(run.head())
    if why:
        console.note(f"{cluster.head.name}: {why.message}: only what this machine has done is known")
    if json_:
        said = {"version": VERSION, "cluster": cluster.name, "head_asked": not why, "entries": entries}
        print(json.dumps(said, ensure_ascii=False), flush=True)
        return code
    out = Console()
    if not entries:
        out.print("no change is remembered")
        return code
    out.table(COLUMNS, [_row(one) for one in entries])
    return code


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    failed = one.get("failed") or {}
    why = next((f"{name}: {message}" for name, message in failed.items()), "")
    seconds = one.get("seconds")
    cells = (
        str(one.get("when", "")).replace("T", " ").replace("Z", " UTC"),
        f"{one.get('who', '')}@{one.get('from', '')}".strip("@"),
        str(one.get("command", "")),
        handover.names(one.get("hosts") or (), 4) or "-",
        str(one.get("result", "")),
        took(seconds) if isinstance(seconds, (int, float)) else "-",
        why + (f" (and {len(failed) - 1} more)" if len(failed) > 1 else "") or "-",
    )
    return tuple(clean(cell).replace("\n", " ") for cell in cells)
