"""Add a worker to a hosts file, remove one, or set a key. Every other byte of the file stays as it is."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.inventory import address, document, emit, group_text, ranges, surgery
from tasks.inventory.cluster import Cluster, Host
from tasks.inventory.loader import parse, read
from tasks.inventory.problems import InventoryError
from tasks.inventory.selection import SelectionError, find, unknown
from tasks.inventory.surgery import ByHand

BOM = "\ufeff"


class EditError(Exception):
    """The file is unchanged; the message says why and what to do."""


def add_worker(path: str | Path, host: str, **fields: Any) -> None:
    """Write a host at the end of ``workers:``.

    :param fields: other keys of the host, as in the file.
    :raises EditError: the host is in the file already, or the file cannot be edited or written.
    :raises InventoryError: the file is wrong, or would be wrong with this host.
    """
    path, text = Path(path), read(Path(path))
    before = parse(text, path)
    if _find(before, host):
        raise EditError(f"{host} is in {path} already")
    body = text.removeprefix(BOM)
    line = emit.host_inline(host, fields)
    with by_hand(path, f"add it to workers: as - {line}"):
        after = text[: len(text) - len(body)] + surgery.append(body, emit.host_lines(host, fields), line)
        added = parsed(after, path)
        if _comparable(added.hosts)[: len(before.hosts)] != _comparable(before.hosts):
            raise ByHand
    _write(path, after)


def remove_worker(path: str | Path, host: str) -> None:
    """Remove a host from ``workers:``; from a range only this one member is removed.

    :param host: its name or address.
    :raises EditError: there is no such worker, or the file cannot be edited or written.
    :raises InventoryError: the file is wrong.
    """
    path, text = Path(path), read(Path(path))
    before = parse(text, path)
    gone = _worker(before, host)
    body = text.removeprefix(BOM)
    with by_hand(path, f"remove {host} from workers:"):
        edited = group_text.without(body, gone, before)
        after = text[: len(text) - len(body)] + without(edited, gone, before)
        left = parsed(after, path)
        groups = {
            key: tuple(name for name in names if name != gone.name) for key, names in before.groups.items()
        }
        if left.groups != groups or _comparable(left.hosts) != _comparable(
            [one for one in before.hosts if one is not gone]
        ):
            raise ByHand
    _write(path, after)


def without(body: str, gone: Host, cluster: Cluster) -> str:
    """The text without this worker; from a range only this one member is removed.

    :param body: without a byte order mark.
    :raises ByHand: it cannot be edited here.
    """
    index, member, size = place_of(body, gone, cluster)
    patterns = _patterns(body, index, member) if size > 1 else None
    return surgery.rewrite(body, index, patterns) if patterns else surgery.delete(body, index)


def with_values(path: str | Path, values: Mapping[str, str | None]) -> tuple[str, Cluster]:
    """The text of the file with keys of its sections set, and the cluster that it describes; the file is untouched.

    :param values: such as ``ray.version``; None is written as null.
    :raises EditError: the file cannot be edited, or no host takes a value from the top.
    :raises InventoryError: the file is wrong, or would be wrong with a value.
    """
    path, text = Path(path), read(Path(path))
    before = parse(text, path)
    body = text.removeprefix(BOM)
    said = ", ".join(f"{key}: {value or 'null'}" for key, value in values.items())
    with by_hand(path, f"set {said}"):
        edited = body
        for key, value in values.items():
            section, _, name = key.partition(".")
            edited = surgery.set_value(edited, section, name, value)
        after = text[: len(text) - len(body)] + edited
        cluster = parsed(after, path)
        if _without(cluster, values) != _without(before, values):
            raise ByHand
    for key, value in values.items():
        if not any(_value(host, key) == value for host in cluster.hosts):
            raise EditError(f"{key} is set on each host of {path}; change it there")
    return after, cluster


def set_values(path: str | Path, values: Mapping[str, str | None]) -> None:
    """Writes keys of sections, see :func:`with_values`, which has the errors, too."""
    _write(Path(path), with_values(path, values)[0])


def _value(host: Host, key: str) -> Any:
    section, _, name = key.partition(".")
    return getattr(getattr(host, section), name)


def _without(cluster: Cluster, keys: Iterable[str]) -> list[dict[str, Any]]:
    hosts = _comparable(cluster.hosts)
    for host, key in ((host, key) for host in hosts for key in keys):
        section, _, name = key.partition(".")
        host[section].pop(name)
    return hosts


def _worker(cluster: Cluster, host: str) -> Host:
    found = _find(cluster, host)
    if found is None:
        raise EditError(str(unknown(cluster, host, flag="")))
    if found == cluster.head:
        raise EditError(
            f"{host} is the head of the cluster; make another host the head in {cluster.path} first"
        )
    return found


def _find(cluster: Cluster, host: str) -> Host | None:
    try:
        return find(cluster.hosts, host, flag="")
    except SelectionError as error:
        raise EditError("; ".join(filter(None, (str(error), error.hint)))) from None


def place_of(body: str, gone: Host, cluster: Cluster) -> tuple[int, int, int]:
    """Index of the entry in ``workers:``, index of the host in its range, and the length of the range."""
    passed, position = 0, cluster.workers.index(gone)
    for index, value in enumerate(document.parse(body).value["workers"]):
        written = value if isinstance(value, str) else value["host"]
        size = len(ranges.expand(address.parse(written).host))
        if position < passed + size:
            return index, position - passed, size
        passed += size
    raise ByHand


def _patterns(body: str, index: int, member: int) -> dict[str, list[str]]:
    """For each key with a range, the patterns that remain without this member."""
    value = document.parse(body).value["workers"][index]
    written = {"host": value} if isinstance(value, str) else value
    ranged = {
        key: written[key] for key in ("host", "name", "node_ip") if ranges.is_range(written.get(key) or "")
    }
    return {key: ranges.without(pattern, member) for key, pattern in ranged.items()}


def _comparable(hosts: tuple[Host, ...] | list[Host]) -> list[dict[str, Any]]:
    # the line moves with an edit, and so does the path in a prompt's text
    return [host.model_dump(exclude={"line", "password", "sudo_password"}) for host in hosts]


def parsed(text: str, path: Path) -> Cluster:
    """The cluster after the edit.

    :raises ByHand: the edit made invalid YAML of the file, which is not the fault of the caller's values.
    :raises InventoryError: a value of the caller is wrong.
    """
    try:
        return parse(text, path)
    except InventoryError as error:
        if document.parse(text.removeprefix(BOM)).flaws or not all(one.where for one in error.problems):
            raise ByHand from None
        raise


@contextlib.contextmanager
def by_hand(path: Path, what: str) -> Iterator[None]:
    """Turns :class:`ByHand` into an EditError. :param what: what the user has to do."""
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
    """Replace a file's content in one step, so that a crash leaves the old content or the new.

    A symbolic link stays a link, and an existing file keeps its mode and owner.

    :raises OSError: nothing was written, and no temporary file is left.
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


def need_writable(path: Path) -> None:
    """Finds out before anything else is done whether :func:`write` can replace the file.

    :raises OSError: it can't.
    """
    handle, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.")
    os.close(handle)
    Path(temporary).unlink()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
