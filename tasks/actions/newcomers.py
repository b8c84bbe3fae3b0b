"""Which hosts `add-worker` means: those of the hosts file, and new ones with what has to be written into it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invoke import Exit

from tasks.actions import cli
from tasks.commandline import Mistake
from tasks.environment.home import in_checkout
from tasks.inventory import Cluster, Host, InventoryError, edit, load, localfiles, ranges, selection
from tasks.inventory.edit import EditError
from tasks.inventory.edit import add_worker as write_worker
from tasks.inventory.edit import remove_worker as erase_worker
from tasks.inventory.selection import expand, find
from tasks.report import handover
from tasks.report.console import Console
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.work import say_ended
from tasks.text.quoting import printed
from tasks.text.wording import counted


@dataclass(frozen=True)
class Entry:
    """One item of ``workers:`` that is to come. :param texts: its hosts, several where ``text`` is a range."""

    text: str
    texts: tuple[str, ...]
    fields: dict[str, Any] = field(default_factory=dict)

    def singly(self) -> list[Entry]:
        """The same hosts, each as an item of its own."""
        names = ranges.expand(self.fields["name"]) if "name" in self.fields else [None] * len(self.texts)
        return [
            Entry(text, (text,), {**self.fields, **({"name": name} if name else {})})
            for text, name in zip(self.texts, names, strict=True)
        ]


@dataclass(frozen=True)
class Joining:
    """What add-worker adds.

    :ivar cluster: with the new hosts; :ivar hosts: all to join, known ones included.
    :ivar unlisted: names of the hosts that are not in the hosts file yet.
    """

    cluster: Cluster
    hosts: tuple[Host, ...]
    new: tuple[Entry, ...]
    unlisted: frozenset[str]


def items(values: Sequence[str] | None, task: str) -> list[str]:
    """The items of all ``--host``, in order and each once, or exit status 2; a range stays one item."""
    found = list(dict.fromkeys(selection.items(values or ())))
    if not found:
        raise Mistake(f"{task} needs --host", f"fab {task} --host 10.0.0.7")
    return found


def joining(
    cluster: Cluster,
    path: Path,
    named: Sequence[str],
    console: Console,
    *,
    name: str | None = None,
    user: str | None = None,
    port: int | None = None,
) -> Joining:
    """The hosts that add-worker is for, known ones and new ones, or exit status 2; the file is untouched.

    :param name: of the new hosts, a range for several; :param user: and :param port: their login.
    """
    with cli.selecting():
        hosts = [text for item in named for text in expand(item)]
        if cluster.head in [find(cluster.hosts, text, port) for text in hosts]:
            raise Mistake(f"--host names the head of {cluster.name}", "fab deploy-cluster starts it")
        new = entries(cluster, named, user=user, port=port)
        if not new and (name or user):
            raise Mistake(
                f"--{'name' if name else 'user'} is for new hosts, but {path.name} lists all of these"
            )
        new = with_names(new, name) if name else new
        before = {host.name for host in cluster.hosts}
        cluster = with_new(cluster, path, new, console)
        found = dict.fromkeys(find(cluster.workers, text, port) for text in hosts)
    joining_ = tuple(host for host in found if host is not None)
    unlisted = frozenset(host.name for host in joining_ if host.name not in before)
    return Joining(cluster, joining_, tuple(new), unlisted)


def entries(cluster: Cluster, named: Sequence[str], **fields: Any) -> list[Entry]:
    """What is not in the hosts file yet. :param fields: keys for all of them; None: not given."""
    keys = {key: value for key, value in fields.items() if value}
    out: list[Entry] = []
    for item in named:
        texts = expand(item)
        new = [text for text in texts if find(cluster.hosts, text, keys.get("port")) is None]
        if len(new) == len(texts):
            out.append(Entry(item, tuple(texts), keys))
        else:
            out += [Entry(text, (text,), keys) for text in new]
    return out


def with_names(new: list[Entry], name: str) -> list[Entry]:
    """The same with names for tables. :param name: one, or a range of as many as there are hosts."""
    names = expand(name, flag="--name")
    hosts = [text for entry in new for text in entry.texts]
    if len(names) != len(hosts):
        hint = f"a range names several, such as gpu[1-{len(hosts)}]" if len(hosts) > 1 else ""
        raise Mistake(
            f"--name {name} gives {counted(len(names), 'name')} for {counted(len(hosts), 'new host')}", hint
        )
    if len(new) == 1:
        return [Entry(new[0].text, new[0].texts, {**new[0].fields, "name": name})]
    each = [one for entry in new for one in entry.singly()]
    return [Entry(one.text, one.texts, {**one.fields, "name": n}) for one, n in zip(each, names, strict=True)]


def preview(path: Path, new: Sequence[Entry]) -> Cluster:
    """The cluster as it would be with them; the file itself is untouched.

    :raises EditError, InventoryError, ValueError: one of them cannot be added, so none is.
    """
    # beside the file: paths in it count from its own folder
    copy = path.with_name(f".{path.name}.{os.getpid()}.preview")
    try:
        shutil.copy(path, copy)
        for entry in new:
            write_worker(copy, entry.text, **entry.fields)
        cluster = load(copy).model_copy(update={"path": path})
        if problems := localfiles.missing_keys(cluster):
            raise InventoryError(problems)
        return cluster
    finally:
        copy.unlink(missing_ok=True)


def need_writable(path: Path) -> None:
    """Exit status 2 if the hosts file that the hosts will be removed from cannot be written."""
    target = cli.OWN if path == cli.SHIPPED and in_checkout() else path
    try:
        edit.need_writable(target)
    except OSError as error:
        raise Mistake(
            f"{target} cannot be written: {error.strerror}; nothing was changed",
            f"make {target.resolve().parent} writable, or name a copy with --hosts-file",
        ) from None


def with_new(cluster: Cluster, path: Path, new: Sequence[Entry], console: Console) -> Cluster:
    """The cluster with the new hosts, or exit status 2 with every mistake named; the file is untouched."""
    if not new:
        return cluster
    try:
        return preview(path, new)
    except InventoryError as error:
        for problem in error.problems:
            console.bad(str(problem))
    except (EditError, ValueError) as error:
        console.bad(str(error), f"add them to {path.name} by hand, then fab add-worker again")
    except OSError as error:
        console.bad(f"{path.parent}: {error.strerror}", "add-worker needs to write there")
    console.print("nothing was changed")
    raise Exit(code=2)


def write(run: Run, path: Path, new: Sequence[Entry], port: int | None) -> None:
    """Writes the new hosts that run into the hosts file, and no other."""
    failed = {n.name for n in run.failed}
    written: list[str] = []
    for entry in new:
        good = [text for text in entry.texts if find(run.cluster.workers, text, port).name not in failed]
        # a range of which some have failed is written host by host
        whole = len(good) == len(entry.texts)
        for one in [entry] if whole else [e for e in entry.singly() if e.text in good]:
            try:
                path = cli.file_to_change(path, run.console)
                write_worker(path, one.text, **one.fields)
            except (EditError, InventoryError, OSError) as error:
                raise Stop(
                    f"{one.text} is running, but could not be added to {path.name}: {error}",
                    f"make it writable, then fab add-worker --host {printed(one.text)} adds it",
                ) from None
            written.append(one.text)
    if written:
        were = "was" if len(written) == 1 else "were"
        run.console.ok(f"{handover.names(written)} {were} added to {path.name}")
    left = [
        text for entry in new for text in entry.texts if find(run.cluster.workers, text, port).name in failed
    ]
    if left:
        run.console.note(f"not added to {path.name}: {handover.names(left)}")


def removed(run: Run, path: Path, force: bool) -> None:
    """Takes the hosts that are out of the cluster out of the hosts file, too."""
    gone: list[str] = []
    for node in run.workers():
        failure = run.failure(node)
        if failure and force:
            run.console.note(f"{node.name}: {failure.message}; nothing was removed there")
            run.forgive(node)
        elif failure:
            run.console.note(f"{path.name} still lists {node.name}; --force removes it anyway")
            continue
        try:
            path = cli.file_to_change(path, run.console)
            erase_worker(path, node.name)
        except (EditError, InventoryError, OSError) as error:
            raise Stop(
                f"{node.name} was removed from the cluster, but is still in {path.name}: {error}",
                f"remove it there, or make it writable, then fab remove-worker --host {printed(node.name)}",
            ) from None
        gone.append(node.name)
        run.record.forgotten.add((node.host.host, node.host.port))
    say_ended(run)
    if gone:
        left = handover.hosts(len(run.cluster.hosts) - len(gone))
        were = "was" if len(gone) == 1 else "were"
        run.console.ok(
            f"{handover.names(gone)} {were} removed from the cluster and from {path.name}; {left} left"
        )
