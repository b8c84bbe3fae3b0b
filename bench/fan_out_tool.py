"""The tool's own steps from hosts file to printed plan, each timed, in one process. argv: hosts file."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure

from tasks.actions import cli
from tasks.phases import connect, plan, resolve
from tasks.report.console import Console
from tasks.run import facts
from tasks.runtimes.docker.steps import images


def main(path: str) -> None:
    console, spent = Console(io.StringIO()), {}
    kept = []
    spent["read the hosts file"] = measure.timed(lambda: kept.append(cli.read(path, console)))
    run = cli.make_run(kept[0], console, "plan", dry_run=True)
    # validate is left out: it would find one machine 100 times and end the run, rightly
    for phase in (connect, facts, images, resolve, plan):
        seconds = measure.timed(lambda phase=phase: phase.run(run))
        spent[getattr(phase, "title", phase.__name__)] = seconds
    planned = sum(node.change is not None and node.failure is None for node in run.nodes)
    if planned != len(run.nodes):
        sys.exit(f"planned {planned} of {len(run.nodes)}:\n{console.rich.file.getvalue()[-2000:]}")
    spent["close"] = measure.timed(lambda: connect.close(run))
    print(json.dumps(spent), flush=True)
    os._exit(0)


main(sys.argv[1])
