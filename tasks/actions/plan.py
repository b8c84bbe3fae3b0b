"""What `fab plan` prints, as a table or as JSON, and how it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from invoke import Exit

from tasks.actions import cli, summary
from tasks.phases import operation
from tasks.report.console import Console
from tasks.run.run import Run
from tasks.run.stages import Planned

CHANGES = 4  # the exit status of --exit-code


def show(
    hosts_file: str | None,
    limit: Sequence[str] | None,
    *,
    scripts: bool,
    as_json: bool,
    exit_code: bool,
    every: bool,
    debug: bool,
) -> None:
    """Prints the plan; ends with the contract's status."""
    console = Console(sys.stderr if as_json else None)
    run = cli.new_run(hosts_file, "plan", console=console, limit=limit, debug=debug, dry_run=True)
    console.quiet = as_json and not debug
    console.every = every

    def end(run: Run) -> None:
        if not as_json:
            summary.planned(run, scripts=scripts)

    code = 0
    try:
        cli.finish(run, operation.PREPARE, end)
    except Exit as ended:
        code = ended.code
    if as_json and code != 130:
        print(json.dumps(as_data(run), ensure_ascii=False), flush=True)
    if exit_code and not code and any(node.change.any for node in run.chosen(Planned)):
        code = CHANGES
    if code:
        raise Exit(code=code)


def as_data(run: Run) -> dict[str, Any]:
    """The object of ``fab plan --json``: each host that this run may change, with its changes or its problem."""
    nodes = [node for node in run.every() if run.may_change(node)]
    return {
        "version": 1,
        "cluster": run.cluster.name,
        "changes": any(isinstance(node, Planned) and node.change.any for node in nodes),
        "ends": list(run.record.ends),
        "hosts": [_host(run, node) for node in nodes],
    }


def _host(run: Run, node: Any) -> dict[str, Any]:
    change = node.change if isinstance(node, Planned) else None
    failure = run.failure(node)
    return {
        "name": node.name,
        "host": node.host.host,
        "changes": change.any if change else None,
        "install": change.install if change else None,
        "start": change.start if change else None,
        "steps": list(change.steps) if change else [],
        "why": list(change.why) if change else [],
        "problem": failure.message if failure else None if change else "not planned",
    }
