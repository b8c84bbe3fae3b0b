"""`fab alerts`: what the rules of Prometheus watch, asked once and without Prometheus."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from dataclasses import asdict
from typing import Any

from tasks.actions import cli
from tasks.actions.notify import post
from tasks.commandline import Mistake
from tasks.inventory import Secret
from tasks.node.alerts import Firing, firing
from tasks.phases import operation
from tasks.phases.metrics import read_series
from tasks.report import handover
from tasks.report.console import Console
from tasks.report.lines import clean
from tasks.run.metrics import Found
from tasks.run.operate import operate
from tasks.run.status import as_json as status_of
from tasks.text.wording import shown

VERSION = 1
ENV = "env:"
HOW = "export FAB_WEBHOOK=https://hooks.example/x, then --webhook env:FAB_WEBHOOK"


def webhook(value: str | None) -> Secret | None:
    """The address of ``env:NAME``, or exit status 2. A URL itself is refused: others on this machine would see it."""
    if value is None:
        return None
    name = value.removeprefix(ENV)
    if name == value:
        raise Mistake(
            "--webhook: an argument is visible to others, so it names a variable of the environment", HOW
        )
    address = os.environ.get(name, "")
    if not address:
        raise Mistake(f"--webhook: the environment variable {shown(name)} is not set or empty", HOW)
    return Secret(address)


def once(hosts_file: str | None, hook: str | None, json_: bool, debug: bool) -> int:
    """Asks and prints; returns the exit status: 1 if one fires, or if something failed."""
    address = webhook(hook)
    console = Console(sys.stderr if json_ else None)
    run = cli.new_run(hosts_file, "alerts", console=console, debug=debug)
    console.quiet = json_ and not debug
    found, status = Found(), {}
    code = operate(
        run, (*operation.STATUS, read_series(found)), lambda r: status.update(status_of(r)), report=False
    )
    if code == 130:
        return code  # hosts that were not asked are not known
    status = status or status_of(run)
    listed = status["nodes"][: len(run.cluster.hosts)]
    fires = [
        one
        for node in listed
        for one in firing(node, found.samples.get(node["name"]), clean(found.unread.get(node["name"], "")))
    ]
    said = {
        "version": VERSION,
        "cluster": run.cluster.name,
        "asked": len(listed),
        "firing": [asdict(one) for one in fires],
    }
    out = Console()
    if json_:
        print(json.dumps(said, ensure_ascii=False), flush=True)
    elif fires:
        out.print()
        for line in _lines(fires):
            out.bad(*line)
    else:
        out.ok(f"no alert: {handover.hosts(len(listed))} asked")
    if fires and address and (why := _posted(address, said, fires)):
        console.bad(f"--webhook: nobody was told: {why}", HOW)
    return code or int(bool(fires))


def _lines(fires: list[Firing]) -> list[tuple[str, str]]:
    """One line and its hint for each alert and message, with the names of its hosts."""
    groups: dict[tuple[str, str], list[Firing]] = defaultdict(list)
    for one in fires:
        groups[one.alert, one.message].append(one)
    return [
        (f"{alert}: {handover.names(one.host for one in group)}: {message}", group[0].hint)
        for (alert, message), group in groups.items()
    ]


def _posted(address: Secret, said: dict[str, Any], fires: list[Firing]) -> str:
    """Posts what fires; '' or why it could not."""
    text = f"{said['cluster']}: " + "; ".join(line for line, _ in _lines(fires))
    return post(address.reveal(), json.dumps({**said, "text": text}, ensure_ascii=False).encode())
