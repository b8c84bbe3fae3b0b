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
from tasks.phases.connect import connect_all
from tasks.phases.gather_facts import gather_facts
from tasks.phases.plan import plan
from tasks.phases.resolve import resolve
from tasks.report.console import Console
from tasks.run.stages import Planned
from tasks.runtimes.docker.steps.images import compare_images, find_images


def main(path: str) -> None:
    console, spent = Console(io.StringIO()), {}
    kept = []
    spent["read the hosts file"] = measure.timed(lambda: kept.append(cli.read(path, console)))
    run = cli.make_run(kept[0], console, "plan", dry_run=True)
    # validate is left out: it would rightly end the run, because it finds one machine 100 times
    for step in (connect_all, gather_facts, find_images, compare_images, resolve, plan):
        spent[step.title] = measure.timed(lambda step=step: step(run))
    planned, count = len(run.living(Planned)), len(run.every())
    if planned != count:
        sys.exit(f"planned {planned} of {count}:\n{console.rich.file.getvalue()[-2000:]}")
    spent["close"] = measure.timed(run.close)
    print(json.dumps(spent), flush=True)
    os._exit(0)


main(sys.argv[1])
