"""What `fab init` does: a commented hosts file to start from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tasks import runtimes
from tasks.actions import cli, take_over
from tasks.commandline import Mistake
from tasks.environment.home import TOP
from tasks.inventory import InventoryError, address, edit, ranges
from tasks.inventory.foreign import Found
from tasks.inventory.loader import parse
from tasks.inventory.selection import items
from tasks.inventory.templates import starter
from tasks.phases.connect import connect_all
from tasks.report import handover
from tasks.report.console import Console
from tasks.run.operate import operate
from tasks.text.quoting import printed
from tasks.text.wording import either, shown


def write(
    hosts: Sequence[str],
    runtime: str | None,
    hosts_file: str | None,
    *,
    force: bool,
    source: str | None = None,
    console: Console | None = None,
) -> Path:
    """Writes the file and returns its path, or exit status 2 and nothing is written.

    :param hosts: the values of ``--host``; none: this machine, or with ``source`` all that it names.
    :param hosts_file: the value of ``--hosts-file``.
    :param source: another tool's file, whose machines are taken over.
    """
    console = console or Console()
    named = hosts_file or os.environ.get("RAY_HOSTS_FILE")
    path = cli.hosts_file(hosts_file) if named else cli.OWN
    if runtime is not None and runtime not in runtimes.NAMES:
        raise Mistake(f"--runtime: expected {either(runtimes.NAMES)}, got {shown(runtime)}")
    if path.is_dir():
        raise Mistake(f"{path} is a folder", "fab init --hosts-file FILE names a file")
    if path.exists() and not force:
        raise Mistake(f"{path} already exists", "fab init --force overwrites it")
    if not path.parent.is_dir():
        raise Mistake(f"there is no folder {path.parent}", f"mkdir -p {printed(str(path.parent))}")
    if source:
        found = take_over.machines(source, items(hosts))
        console.ok(take_over.said(found, source))
    else:
        found = Found("", hosts=[(host, {}) for host in _hosts(hosts)])
    runtime = runtime or found.runtime or "uv"
    text = starter(found.hosts, runtime, _schema_for(path), found.ssh, found.sections)
    try:
        parse(text, path)
    except InventoryError as error:
        problem = error.problems[0]
        what = f"--from: {source}: {problem.where}" if source else "--host"
        raise Mistake(f"{what}: {problem.message}") from None
    try:
        edit.write(path, text)
    except OSError as error:
        elsewhere = "fab init --hosts-file FILE names another place"
        raise Mistake(f"{path} cannot be written: {error.strerror}", elsewhere) from None
    for note in found.notes:
        console.note(note)
    return path


def try_hosts(path: Path, console: Console) -> None:
    """Connects to each host of a new file, and says which have answered; none has to."""
    cluster = cli.load_with_keys(path)
    if all(host.connection == "local" for host in cluster.hosts):
        return
    run = cli.make_run(cluster, console, "init")
    operate(run, (connect_all,), report=False)
    away = [node.name for node in run.failed]
    if away:
        console.note(f"no answer yet: {handover.names(away)}; the others answer, and the file is written")


def _hosts(expressions: Sequence[str]) -> list[str]:
    """The items to write. A head cannot be a range: if a range comes first, all ranges are written host by host."""
    found = items(expressions)
    try:
        for item in found:
            address.parse(item)
        if not found or not ranges.is_range(found[0]):
            return found
        return [host for item in found for host in ranges.expand(item)]
    except ValueError as error:
        raise Mistake(f"--host {shown(','.join(expressions))}: {error}") from None


def _schema_for(path: Path) -> str:
    """Where editors find the schema, as the hosts file names it."""
    schema = TOP / "hosts.schema.json"
    return schema.name if path.absolute().parent == TOP else schema.as_uri()
