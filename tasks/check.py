"""check, init."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from tasks import cli
from tasks.commandline import Mistake
from tasks.environment.home import TOP, in_checkout
from tasks.inventory import InventoryError, address, ranges
from tasks.inventory.edit import write
from tasks.inventory.limit import split
from tasks.inventory.load import parse
from tasks.inventory.problems import shown
from tasks.inventory.schema import json_schema
from tasks.inventory.templates import starter
from tasks.phases import connect, validate
from tasks.report import handover
from tasks.report.console import Console
from tasks.report.status import counted
from tasks.report.table import Column
from tasks.report.typed import quote
from tasks.run import facts
from tasks.run.run import Run, Stop
from tasks.runtimes.conda.steps import resolve as conda
from tasks.runtimes.docker.engine_choice import engine_for, lacks_engine
from tasks.runtimes.docker.steps import engine, image_file

GIB = 1 << 30
COLUMNS = (
    Column("host"),
    Column("system", as_text=str),
    Column("cpus", as_text=lambda count: counted(count, "CPU"), each=True),
    Column("memory", as_text="{} memory".format, each=True),
    Column("user", as_text="user {}".format),
    Column("runtime", as_text=lambda what: what if what[0].isalpha() else f"Python {what}"),
    Column("cluster", as_text=lambda state: "Ray runs" if state == "runs" else state),
)


@cli.task(
    iterable=["limit"],
    help={
        "hosts_file": cli.HOSTS_FILE,
        "limit": cli.LIMIT,
        "schema": "print the JSON Schema of the hosts file and exit",
        "debug": cli.DEBUG,
    },
)
def check(c, hosts_file=None, limit=None, schema=False, debug=False):
    """
    Check the hosts file and every host; change nothing.
    """
    if schema:
        print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
        return
    console = Console()
    path = cli.hosts_file(hosts_file)
    cluster = cli.read(hosts_file, console)
    console.ok(
        f"{cluster.path.name} is valid", f"{handover.hosts(len(cluster.hosts))}, cluster {cluster.name}"
    )
    if path == cli.SHIPPED and in_checkout() and [host.connection for host in cluster.hosts] != ["local"]:
        console.note(f"{path.name} belongs to this project, so an update may conflict with your changes")
        here, own = quote(str(path)), quote(str(cli.OWN))
        console.print(f"  → cp -p {here} {own} && git -C {quote(str(TOP))} checkout {path.name}")
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
        root = "root" if f.root else {"nopasswd": "sudo", "password": "sudo"}.get(f.sudo or "", "not root")
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
        "hosts_file": "file to write (default: $RAY_HOSTS_FILE, else my_hosts.yml beside the fabfile)",
        "host": "machines or ranges, comma-separated or repeated; the first is the head (default: this machine)",
        "runtime": "uv, docker or conda (default uv)",
        "force": "overwrite an existing file",
    },
)
def init(c, host=None, runtime="uv", hosts_file=None, force=False):
    """
    Write a commented hosts file to start from.

    Without --hosts-file it is my_hosts.yml beside the fabfile, which git ignores and every task reads from then on
    in place of the hosts.yml that comes with this project.
    """
    console = Console()
    named = hosts_file or os.environ.get("RAY_HOSTS_FILE")
    path = cli.hosts_file(hosts_file) if named else cli.OWN
    if runtime not in ("uv", "docker", "conda"):
        raise Mistake(f"--runtime: expected uv, docker or conda, got {shown(runtime)}")
    if path.is_dir():
        raise Mistake(f"{path} is a folder", "fab init --hosts-file FILE names a file")
    if path.exists() and not force:
        raise Mistake(f"{path} already exists", "fab init --force overwrites it")
    if not path.parent.is_dir():
        raise Mistake(f"there is no folder {path.parent}", f"mkdir -p {quote(str(path.parent))}")
    text = starter(_named(host or []), runtime, schema=_schema_for(path))
    try:
        parse(text, path)
    except InventoryError as error:
        raise Mistake(f"--host: {error.problems[0].message}") from None
    try:
        write(path, text)
    except OSError as error:
        raise Mistake(
            f"{path} cannot be written: {error.strerror}", "fab init --hosts-file FILE names another place"
        ) from None
    console.ok(f"wrote {path}")
    handover.commands(console, [("check", "check every host"), ("deploy-cluster", "make the cluster")])


def _named(hosts: Sequence[str]) -> list[str]:
    """Every host of the flags; a head cannot be a range, so that ranges are written out where they come first."""
    words = [word for text in hosts for word in split(text)]
    try:
        for word in words:
            address.parse(word)
        return (
            [name for word in words for name in ranges.expand(word)]
            if words and ranges.is_range(words[0])
            else words
        )
    except ValueError as error:
        raise Mistake(f"--host {shown(','.join(hosts))}: {error}") from None
    return words


def _schema_for(path: Path) -> str:
    """Where editors find the schema, from that file."""
    schema = TOP / "hosts.schema.json"
    return schema.name if path.absolute().parent == TOP else schema.as_uri()
