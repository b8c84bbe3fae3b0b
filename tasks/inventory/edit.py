"""Add a worker to a hosts file or take one out; all the rest of the file stays as it is, to the byte."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.inventory import address, emit, ranges, surgery
from tasks.inventory import document as yaml
from tasks.inventory.cluster import Cluster, Host
from tasks.inventory.load import parse, read
from tasks.inventory.problems import InventoryError, did_you_mean
from tasks.inventory.surgery import ByHand

_BOM = "\ufeff"


class EditError(Exception):
    """The file was left as it is; the text says why and what to do."""


def add_worker(path: str | Path, host: str, **fields: Any) -> None:
    """Write a host at the end of `workers:`; `fields` are keys of a host, as in the file.

    :raises EditError: it already exists, or the file cannot be edited or written.
    :raises InventoryError: the file is wrong, or would be wrong with this host.
    """
    path, text = Path(path), read(Path(path))
    before = parse(text, path)
    if _find(before, host):
        raise EditError(f"{host} is already in {path}")
    body = text.removeprefix(_BOM)
    line = emit.host_inline(host, fields)
    with _by_hand(path, f"add it to workers: as - {line}"):
        after = text[: len(text) - len(body)] + surgery.append(body, emit.host_lines(host, fields), line)
        added = _parsed(after, path)
        if _facts(added.hosts)[: len(before.hosts)] != _facts(before.hosts):
            raise ByHand
    _write(path, after)


def remove_worker(path: str | Path, host: str) -> None:
    """Take a host out of `workers:`, by its name or address; a range loses this one member.

    :raises EditError: no worker is called so, or the file cannot be edited or written.
    :raises InventoryError: the file is wrong.
    """
    path, text = Path(path), read(Path(path))
    before = parse(text, path)
    gone = _one(before, host)
    body = text.removeprefix(_BOM)
    with _by_hand(path, f"take {host} out of workers:"):
        index, member, size = _place(body, gone, before)
        patterns = _patterns(body, index, member) if size > 1 else None
        edited = surgery.rewrite(body, index, patterns) if patterns else surgery.delete(body, index)
        after = text[: len(text) - len(body)] + edited
        if _facts(_parsed(after, path).hosts) != _facts([one for one in before.hosts if one is not gone]):
            raise ByHand
    _write(path, after)


def _one(cluster: Cluster, host: str) -> Host:
    found = _find(cluster, host)
    known = [text for one in cluster.workers for text in (one.name, one.host)]
    if not found:
        raise EditError(f"{host} is not in {cluster.path}{did_you_mean(host, known)}")
    if cluster.head in found:
        raise EditError(f"{host} is the head of the cluster; make another host the head in {cluster.path}")
    if len(found) > 1:
        raise EditError(f"{host} matches {len(found)} hosts in {cluster.path}; use the name of one")
    return found[0]


def _find(cluster: Cluster, host: str) -> list[Host]:
    """By name, else by address, to which a port may be added."""
    named = [one for one in cluster.hosts if one.name.casefold() == host.casefold()]
    if named:
        return named
    try:
        wanted = address.parse(host)
    except ValueError as error:
        raise EditError(f"{host!r} is not a host: {error}") from None
    same = [one for one in cluster.hosts if address.canonical(one.host) == address.canonical(wanted.host)]
    return [one for one in same if wanted.port is None or (one.port or 22) == wanted.port]


def _place(body: str, gone: Host, cluster: Cluster) -> tuple[int, int, int]:
    """Index of the entry in `workers:`, of the host in its range, and the length of that range."""
    passed, position = 0, cluster.workers.index(gone)
    for index, value in enumerate(yaml.parse(body).value["workers"]):
        written = value if isinstance(value, str) else value["host"]
        size = len(ranges.expand(address.parse(written).host))
        if position < passed + size:
            return index, position - passed, size
        passed += size
    raise ByHand


def _patterns(body: str, index: int, member: int) -> dict[str, list[str]]:
    """For each key with a range, the patterns that are left of it without this member."""
    value = yaml.parse(body).value["workers"][index]
    written = {"host": value} if isinstance(value, str) else value
    ranged = {
        key: written[key] for key in ("host", "name", "node_ip") if ranges.is_range(written.get(key) or "")
    }
    return {key: ranges.without(pattern, member) for key, pattern in ranged.items()}


def _facts(hosts: tuple[Host, ...] | list[Host]) -> list[dict[str, Any]]:
    # a prompt's text holds its place in the file, which may move
    return [host.model_dump(exclude={"line", "password", "sudo_password"}) for host in hosts]


def _parsed(text: str, path: Path) -> Cluster:
    """What the cut made of the file. Bad YAML is the cut's fault, a bad key of a host is the caller's."""
    try:
        return parse(text, path)
    except InventoryError as error:
        if all(problem.where for problem in error.problems):
            raise
        raise ByHand from None


@contextlib.contextmanager
def _by_hand(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except ByHand:
        raise EditError(f"{path} is written in a way that cannot be edited safely; {what} by hand") from None


def _write(path: Path, text: str) -> None:
    try:
        write(path, text)
    except OSError as error:
        raise EditError(f"{path} cannot be written: {error.strerror}") from None


def write(path: Path, text: str) -> None:
    """All or nothing, also on a crash; a link stays a link and a file that was there keeps its mode and owner.

    :raises OSError: nothing was written, and nothing is left beside it.
    """
    target = path.resolve()
    known = target.stat() if target.exists() else None
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, known.st_mode & 0o7777 if known else 0o666 & ~_umask())
        if known and hasattr(os, "chown") and known.st_uid != os.geteuid():
            os.chown(temporary, known.st_uid, known.st_gid)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
