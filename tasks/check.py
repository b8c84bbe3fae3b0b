"""check, init."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from tasks import cli, runtimes
from tasks.commandline import Mistake
from tasks.environment.home import TOP, in_checkout
from tasks.inventory import InventoryError, address, ranges
from tasks.inventory.edit import write
from tasks.inventory.limit import split
from tasks.inventory.load import parse
from tasks.inventory.problems import either, shown
from tasks.inventory.schema import json_schema
from tasks.inventory.templates import starter
from tasks.phases import operation
from tasks.phases.validate import validate
from tasks.report import handover
from tasks.report.console import Console
from tasks.report.status import counted
from tasks.report.table import Column
from tasks.report.typed import quote
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known

GIB = 1 << 30
COLUMNS = (
    Column("host"),
    Column("system", said=str),
    Column("cpus", said=lambda count: counted(count, "CPU"), each=True),
    Column("memory", said="{} memory".format, each=True),
    Column("user", said="user {}".format),
    Column("runtime", said=lambda what: what if what[0].isalpha() else f"Python {what}"),
    Column("cluster", said=lambda state: "Ray runs" if state == "runs" else state),
)


@cli.task(
    iterable=["limit"],
    help={
        "hosts_file": cli.HOSTS_FILE,
        "limit": cli.LIMIT,
        "schema": "print the JSON Schema of the hosts file and end",
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
        f"{cluster.path.name} is right", f"{handover.hosts(len(cluster.hosts))}, cluster {cluster.name}"
    )
    if path == cli.SHIPPED and in_checkout() and [host.connection for host in cluster.hosts] != ["local"]:
        console.note(
            f"{path.name} comes with this project, and an update may be in conflict with your changes"
        )
        here, own = quote(str(path)), quote(str(cli.OWN))
        console.print(f"  → cp -p {here} {own} && git -C {quote(str(TOP))} checkout {path.name}")
    run = cli.make_run(cluster, console, "check", limit=limit, debug=debug)
    cli.finish(run, operation.CHECK, checked)


def checked(run: Run) -> None:
    """What each host is, then every problem of every host."""
    rows = []
    for node in run.every():
        if not isinstance(node, Known):
            rows.append((node.name, "-", "-", "-", "-", "-", "-"))
            continue
        f = node.facts
        root = "root" if f.root else {"nopasswd": "sudo", "password": "sudo"}.get(f.sudo or "", "no root")
        memory = f"{f.memory / GIB:.1f} GiB" if f.memory else "-"
        rows.append(
            (
                node.name,
                f"{f.system} {f.arch}",
                str(f.cpus or "-"),
                memory,
                f"{f.user} ({root})",
                runtimes.of(node.host).summary(f),
                _service(node),
            )
        )
    run.console.print()
    run.console.table(COLUMNS, rows)
    run.console.print()
    with contextlib.suppress(Stop):
        validate(run)
    _announce(run)
    if not run.failed:
        run.console.ok(f"{handover.hosts(len(run.living()))} ready for deploy-cluster")


def _announce(run: Run) -> None:
    """What deploy-cluster would install as root."""
    for name, nodes in runtimes.grouped(run.chosen(Known)).items():
        for line in runtimes.by_name(name).announcements([node.subject for node in nodes]):
            run.console.note(f"deploy-cluster will {line}")


def _service(node: Known) -> str:
    if not node.state:
        return "not deployed"
    return "runs" if node.facts.active else "stopped"


@cli.task(
    iterable=["host"],
    help={
        "hosts_file": "the file to write; else $RAY_HOSTS_FILE, else my_hosts.yml beside the fabfile",
        "host": "a machine or a range, with commas or repeated; the first is the head (default: this machine)",
        "runtime": "uv, docker or conda (default uv)",
        "force": "overwrite a file that is there",
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
    if runtime not in runtimes.NAMES:
        raise Mistake(f"--runtime: expected {either(runtimes.NAMES)}, got {shown(runtime)}")
    if path.is_dir():
        raise Mistake(f"{path} is a folder", "fab init --hosts-file FILE names a file")
    if path.exists() and not force:
        raise Mistake(f"{path} is there already", "fab init --force overwrites it")
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
    handover.commands(console, [("check", "look at every host"), ("deploy-cluster", "make the cluster")])


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
