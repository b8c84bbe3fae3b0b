"""check, init."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from invoke import Exit

from tasks import cli
from tasks.inventory.schema import json_schema
from tasks.inventory.templates import starter
from tasks.phases import conda, connect, engine, facts, image_file, validate
from tasks.phases.run import Run, Stop
from tasks.plan.engine import engine_for, lacks_engine
from tasks.report import handover
from tasks.report.console import Console
from tasks.report.status import counted
from tasks.report.table import Column

GIB = 1 << 30
COLUMNS = (
    Column("host"),
    Column("system", said=str),
    Column("cpus", said=lambda count: counted(count, "CPU")),
    Column("memory", said="{} memory".format),
    Column("user", said="user {}".format),
    Column("runtime", said=lambda what: what if what[0].isalpha() else f"Python {what}"),
    Column("cluster", said=lambda state: "Ray runs" if state == "runs" else state),
)


@cli.task(
    help={
        "hosts_file": cli.HOSTS_FILE,
        "limit": cli.LIMIT,
        "schema": "print the JSON Schema of the hosts file and end",
        "debug": cli.DEBUG,
    }
)
def check(c, hosts_file=None, limit=None, schema=False, debug=False):
    """
    Check the hosts file and every host; change nothing.
    """
    if schema:
        print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
        return
    console = Console()
    cluster = cli.read(hosts_file, console)
    console.ok(
        f"{cluster.path.name} is right", f"{handover.hosts(len(cluster.hosts))}, cluster {cluster.name}"
    )
    run = cli.make_run(cluster, console, "check", limit=limit, debug=debug)
    cli.finish(run, (image_file.check, conda.check, connect.run, facts.run, checked), None)


def checked(run: Run) -> None:
    """What each host is, then every problem of every host."""
    rows = []
    for node in run.nodes:
        f = node.facts
        if f is None:
            rows.append((node.name, "-", "-", "-", "-", "-", "-"))
            continue
        pythons = ", ".join(sorted({v for v, _ in f.pythons})) or "-"
        root = "root" if f.root else {"nopasswd": "sudo", "password": "sudo"}.get(f.sudo or "", "no root")
        memory = f"{f.memory / GIB:.1f} GiB" if f.memory else "-"
        what = f"Docker {f.docker}" if f.docker else pythons
        what = "no Docker yet" if lacks_engine(node.subject) else what
        if node.host.runtime == "conda":
            what = f"{f.condas[0].kind} {f.condas[0].version}" if f.condas else "no conda yet"
        rows.append(
            (
                node.name,
                f"{f.system} {f.arch}",
                str(f.cpus or "-"),
                memory,
                f"{f.user} ({root})",
                what,
                _service(node),
            )
        )
    run.console.print()
    run.console.table(COLUMNS, rows)
    run.console.print()
    with contextlib.suppress(Stop):
        validate.run(run)
    _say_docker(run)
    if not run.failed:
        run.console.ok(f"{handover.hosts(len(run.living))} ready for deploy-cluster")


def _say_docker(run: Run) -> None:
    """Where deploy-cluster would install Docker, and where from: a line for each source."""
    names: dict[str, list[str]] = {}
    for node in run.chosen:
        if engine.wanted(node):
            names.setdefault(engine_for(node.subject).what, []).append(node.name)
    for what, hosts in names.items():
        run.console.note(f"deploy-cluster will install Docker ({what}) on {', '.join(hosts)}")


def _service(node) -> str:
    if not node.subject.state:
        return "not deployed"
    return "runs" if node.facts.active else "stopped"


@cli.task(
    iterable=["host"],
    help={
        "hosts_file": cli.HOSTS_FILE,
        "host": "a machine; the first is the head; may be said often (default: this machine)",
        "runtime": "uv, docker or conda (default uv)",
        "force": "overwrite a file that is there",
    },
)
def init(c, host=None, runtime="uv", hosts_file=None, force=False):
    """
    Write a commented hosts file to start from.
    """
    console = Console()
    path = cli.hosts_file(hosts_file)
    if path.exists() and not force:
        console.bad(f"{path} is there already", f"{handover.program()} init --force overwrites it")
        raise Exit(code=2)
    if runtime not in ("uv", "docker", "conda"):
        console.bad(f"--runtime: expected uv, docker or conda, got {runtime}")
        raise Exit(code=2)
    try:
        text = starter(list(host or []), runtime)
    except ValueError as error:
        console.bad(str(error))
        raise Exit(code=2) from None
    part = Path(f"{path}.part")
    part.write_text(text, "utf-8")
    part.replace(path)
    console.ok(f"wrote {path}")
    handover.commands(
        console, str(path), [("check", "look at every host"), ("deploy-cluster", "make the cluster")]
    )
