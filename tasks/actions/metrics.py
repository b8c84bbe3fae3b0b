"""`fab metrics up`, `down` and `status`."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from tasks.actions import cli
from tasks.commandline import Mistake
from tasks.node.metrics import PARTS
from tasks.phases import metrics as steps
from tasks.phases import operation
from tasks.report import handover
from tasks.report.console import Console
from tasks.report.table import Column
from tasks.run.metrics import scraped
from tasks.run.operate import operate
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.ssh import Answer
from tasks.text.wording import shown

VERSION = 1
MARK = "@sha256:"
COLUMNS = (
    Column("host"),
    Column("address"),
    Column("scraped", as_text="scraped: {}".format),
    Column("problem", wraps=True),
)


def archive(flag: str, value: str | None) -> Path | None:
    """The file of ``FILE@sha256:SUM``, whose sum was compared, or exit status 2."""
    if not value:
        return None
    name, mark, wanted = value.rpartition(MARK)
    path = Path(name).expanduser()
    if not mark or not name:
        raise Mistake(
            f"{flag}: expected FILE{MARK}SUM, got {shown(value)}",
            "its makers publish the sum beside the file; sha256sum FILE prints that of yours",
        )
    try:
        with path.open("rb") as file:
            found = (
                hashlib.file_digest(file, "sha256").hexdigest()
                if hasattr(hashlib, "file_digest")
                else _sum(file)
            )
    except OSError as error:
        raise Mistake(f"{flag}: {path}: {error.strerror}", "name a .tar.gz of this machine") from None
    if found != wanted.strip().lower():
        raise Mistake(
            f"{flag}: {path} has the sum {found}, and not {shown(wanted)}",
            "load the file again from its makers, and compare the sum with theirs",
        )
    return path


def _sum(file: Any) -> str:
    found = hashlib.sha256()
    while part := file.read(1 << 20):
        found.update(part)
    return found.hexdigest()


def up(hosts_file: str | None, prometheus: str | None, grafana: str | None, here: bool, debug: bool) -> None:
    """Installs and starts them; ends the process with its status."""
    files = {"prometheus": archive("--prometheus", prometheus), "grafana": archive("--grafana", grafana)}
    archives = {part: path for part in PARTS if (path := files[part])}
    answers: list[Answer] = []
    run = cli.new_run(hosts_file, "metrics up", debug=debug)
    cli.finish(
        run,
        (*operation.HOLD, steps.put_up(archives, answers, here=here)),
        lambda run: _is_up(run, answers, here),
    )


def _is_up(run: Run, answers: list[Answer], here: bool) -> None:
    for answer in answers:
        head = run.head(Known)
        ports = head.host.ray.ports
        run.console.ok(f"Prometheus {answer.values.get('prometheus', '')} reads the metrics", "every 15 s")
        if "grafana" in answer.values:
            count = answer.values.get("dashboards", "0")
            at = f"http://127.0.0.1:{ports.grafana}" if here else f"port {ports.grafana} of the head"
            run.console.ok(f"Grafana runs, with Ray's {count} dashboards", at)
        else:
            run.console.note("there is no Grafana, so Ray's dashboard shows no graphs")
            command = f"metrics up{' --here' * here} --grafana FILE@sha256:SUM"
            handover.commands(run.console, [(command, "takes the .tar.gz that its makers publish")])
        if here:
            run.console.note("Ray's own dashboard finds them only on the head")
            handover.commands(run.console, [("metrics status --here", "which hosts are read")])
            continue
        if at := answer.values.get("undiscovered"):
            run.console.note(f"Ray's discovery is not there, so only listed hosts are read: {at}")
        start = head.state.get("start")
        if isinstance(start, dict) and start.get("network") == "bridge":
            run.console.note(
                "the head's container has a network of its own, so Ray's dashboard itself does not find them"
            )
        handover.commands(
            run.console,
            [
                ("metrics status", "which hosts are read"),
                ("dashboard", "a tunnel to the dashboard and to Grafana"),
            ],
        )


def down(hosts_file: str | None, here: bool, debug: bool) -> None:
    """Removes them; ends the process with its status."""
    run = cli.new_run(hosts_file, "metrics down", head_only=True, debug=debug)

    def end(run: Run) -> None:
        if run.failure(run.head()):
            return
        removed = "Prometheus and Grafana are removed" if run.record.done else "nothing to remove"
        run.console.ok(removed, "with what they have kept" if run.record.done else "")

    cli.finish(run, (*operation.HOLD, steps.take_down(here=here)), end)


def status(hosts_file: str | None, json_: bool, here: bool, debug: bool) -> int:
    """Prints what runs and which hosts are read; returns the exit status: 0 only if all of them are."""
    console = Console(sys.stderr if json_ else None)
    run = cli.new_run(hosts_file, "metrics status", console=console, debug=debug)
    console.quiet = json_ and not debug
    asked: dict[str, Any] = {}
    nodes: dict[str, Any] = {}

    def end(run: Run) -> None:
        nodes.update({one.name: one for one in scraped(run)})

    code = operate(
        run,
        (*operation.FACTS, operation.need_head, steps.ask_prometheus(asked, here=here)),
        end,
        report=not json_,
    )
    if code == 130 or "parts" not in asked:
        return code or 1
    rows = [_host(node.name, nodes.get(node.name), asked) for node in run.every()]
    missing = [one["host"] for one in rows if not one["scraped"]]
    dead = asked["grafana"] is None and "grafana" in asked["parts"]
    good = not asked["problem"] and not missing and not dead
    if json_:
        said = {
            "version": VERSION,
            "cluster": run.cluster.name,
            "prometheus": asked["prometheus"],
            "grafana": asked["grafana"],
            "problem": asked["problem"],
            "hosts": rows,
            "firing": asked["alerts"],
        }
        print(json.dumps(said, ensure_ascii=False), flush=True)
        return code or int(not good)
    out = Console()
    if asked["problem"]:
        hint = f"fab metrics up{' --here' * here} starts it"
        if asked["parts"]:
            hint += f"; its log is on {'this machine' if here else run.head().name}: {asked['log']}"
        out.bad(asked["problem"], hint)
        return code or 1
    out.print()
    out.table(
        COLUMNS,
        [
            (one["host"], one["address"] or "-", "yes" if one["scraped"] else "no", one["problem"] or "")
            for one in rows
        ],
    )
    out.print()
    out.ok(f"Prometheus {asked['prometheus']} runs")
    if asked["grafana"] is not None:
        out.ok(f"Grafana {asked['grafana']} runs")
    elif dead:
        out.bad("Grafana does not answer", f"fab metrics up{' --here' * here} starts it again")
    else:
        out.note(f"there is no Grafana: fab metrics up{' --here' * here} --grafana FILE@sha256:SUM adds it")
    for one in asked["alerts"]:
        out.note(f"{one.get('host') or one.get('instance', '')}: {one['alertname']} fires")
    if missing:
        out.bad(
            f"not read: {handover.names(missing)}",
            f"fab status says what runs; after a change of the hosts file: fab metrics up{' --here' * here}",
        )
    return code or int(not good)


def _host(name: str, node: Any, asked: dict[str, Any]) -> dict[str, Any]:
    found = asked["targets"].get(node.address) if node else None
    if node is None:
        problem = "its address is not known"
    elif found is None:
        problem = "not among the hosts that Prometheus reads"
    else:
        problem = found["error"] or (None if found["health"] == "up" else "not read yet")
    return {
        "host": name,
        "address": node.address if node else None,
        "scraped": bool(found and found["health"] == "up"),
        "last": found["last"] if found else None,
        "problem": problem,
    }
