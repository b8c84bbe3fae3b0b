"""What `fab status` does: asks all hosts once, and prints a table or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from tasks.actions import cli, summary
from tasks.phases import operation
from tasks.report import events
from tasks.report import status as table
from tasks.report.console import Console
from tasks.report.verdict import unhealthy
from tasks.run.operate import operate
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.status import as_json as status_of


def once(hosts_file: str | None, as_json: bool, debug: bool, *, every: bool = False) -> int:
    """Asks once and prints the answer; returns the exit status. :param every: a row for each node."""
    console = Console(sys.stderr if as_json else None)
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "status", debug=debug)
    console.quiet = as_json and not debug
    console.every = every
    found: dict = {}
    code = operate(run, operation.STATUS, lambda r: found.update(status_of(r)), report=False)
    if code == 130:
        return code  # hosts that were not asked are not known
    found = found or status_of(run)
    events.emit("status", status=found)
    if as_json:
        print(json.dumps(found, ensure_ascii=False), flush=True)
    else:
        console.print()
        show(run, found)
    return code or (0 if found["healthy"] else 1)


def show(run: Run, found: Mapping[str, Any]) -> None:
    """Prints the table, and in a line whether all is well. :param found: the data of ``fab status --json``."""
    console, cluster = run.console, run.cluster
    table.show(console, found)
    console.print()
    summary.say_gone(run)
    if found["healthy"]:
        console.ok(f"{cluster.name} is healthy: every listed host is alive in Ray's node table")
    else:
        console.bad(*unhealthy(found, len(cluster.hosts), {node.name for node in run.every(Known)}))
