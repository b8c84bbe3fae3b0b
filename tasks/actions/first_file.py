"""What `fab init` does: a commented hosts file to start from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tasks import runtimes
from tasks.actions import cli
from tasks.commandline import Mistake
from tasks.environment.home import TOP
from tasks.inventory import InventoryError, address, edit, ranges
from tasks.inventory.loader import parse
from tasks.inventory.selection import items
from tasks.inventory.templates import starter
from tasks.text.quoting import printed
from tasks.text.wording import either, shown


def write(hosts: Sequence[str], runtime: str, hosts_file: str | None, *, force: bool) -> Path:
    """Writes the file and returns its path, or exit status 2 and nothing is written.

    :param hosts: the values of ``--host``; none: this machine.
    :param hosts_file: the value of ``--hosts-file``.
    """
    named = hosts_file or os.environ.get("RAY_HOSTS_FILE")
    path = cli.hosts_file(hosts_file) if named else cli.OWN
    if runtime not in runtimes.NAMES:
        raise Mistake(f"--runtime: expected {either(runtimes.NAMES)}, got {shown(runtime)}")
    if path.is_dir():
        raise Mistake(f"{path} is a folder", "fab init --hosts-file FILE names a file")
    if path.exists() and not force:
        raise Mistake(f"{path} already exists", "fab init --force overwrites it")
    if not path.parent.is_dir():
        raise Mistake(f"there is no folder {path.parent}", f"mkdir -p {printed(str(path.parent))}")
    text = starter(_hosts(hosts), runtime, schema=_schema_for(path))
    try:
        parse(text, path)
    except InventoryError as error:
        raise Mistake(f"--host: {error.problems[0].message}") from None
    try:
        edit.write(path, text)
    except OSError as error:
        raise Mistake(
            f"{path} cannot be written: {error.strerror}", "fab init --hosts-file FILE names another place"
        ) from None
    return path


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
