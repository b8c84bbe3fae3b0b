"""What `fab status` does: asks all hosts once, or again and again, and prints a table or JSON."""

from __future__ import annotations

import json
import sys
import time

from tasks.actions import cli, summary
from tasks.phases import operation
from tasks.report import events
from tasks.report import status as table
from tasks.report.console import Console
from tasks.report.verdict import unhealthy
from tasks.run.operate import operate
from tasks.run.stages import Known
from tasks.run.status import as_json as status_of

SECONDS = 5


def watch(hosts_file: str | None, as_json: bool, debug: bool) -> int:
    """Asks every few seconds until Ctrl-C or until nobody reads the output; returns the exit status."""
    try:
        while True:
            code = once(hosts_file, as_json, debug, watched=True)
            if Console().gone:
                return code
            time.sleep(SECONDS)
    except KeyboardInterrupt:
        return 130


def once(hosts_file: str | None, as_json: bool, debug: bool, *, watched: bool = False) -> int:
    """Asks once and prints the answer; returns the exit status. :param watched: on a cleared screen."""
    quiet = as_json or watched
    console = Console(sys.stderr if quiet else None)
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "status", debug=debug)
    console.quiet = quiet and not debug
    found: dict = {}
    code = operate(run, operation.STATUS, lambda r: found.update(status_of(r)), report=False)
    if code == 130:
        return code  # hosts that were not asked are not known
    found = found or status_of(run)
    events.emit("status", status=found)
    if as_json:
        print(json.dumps(found, ensure_ascii=False), flush=True)
    else:
        out = Console()
        if watched:
            out.rich.clear()
        else:
            out.print()
        table.show(out, found)
        out.print()
        run.console = out
        summary.say_gone(run)
        if found["healthy"]:
            out.ok(f"{cluster.name} is healthy: every listed host is alive in Ray's node table")
        else:
            out.bad(*unhealthy(found, len(cluster.hosts), {node.name for node in run.every(Known)}))
    return code or (0 if found["healthy"] else 1)
