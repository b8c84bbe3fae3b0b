"""Which hosts `add-worker` means: those of the hosts file, and new ones with what has to be written into it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.commandline import Mistake
from tasks.inventory import Cluster, Host, address, load, ranges
from tasks.inventory.edit import add_worker as write_worker
from tasks.inventory.limit import split


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


def items(values: Sequence[str] | None, task: str) -> list[str]:
    """What all --host name, in order and each once; a range stays one item."""
    found = list(dict.fromkeys(item for value in values or () for item in split(value)))
    if not found:
        raise Mistake(f"{task} needs --host", f"fab {task} --host 10.0.0.7")
    return found


def expanded(item: str) -> list[str]:
    """The hosts of an item, as typed."""
    try:
        return ranges.expand(item) if ranges.is_range(item) else [item]
    except ValueError as error:
        raise Mistake(f"--host {item}: {error}") from None


def find(hosts: Sequence[Host], wanted: str, port: int | None = None) -> Host | None:
    """The host of that name or address. :param port: where ``wanted`` names none."""
    named = next((one for one in hosts if one.name.casefold() == wanted.casefold()), None)
    if named is not None:
        return named
    try:
        parsed = address.parse(wanted)
    except ValueError as error:
        raise Mistake(f"--host {wanted}: {error}") from None
    port = parsed.port or port
    same = [one for one in hosts if address.canonical(one.host) == address.canonical(parsed.host)]
    same = [one for one in same if port is None or (one.port or 22) == port]
    if len(same) > 1:
        raise Mistake(f"--host {wanted} matches {len(same)} hosts", "use the name of one")
    return same[0] if same else None


def entries(cluster: Cluster, named: Sequence[str], **fields: Any) -> list[Entry]:
    """What is not in the hosts file yet. :param fields: keys for all of them; None: not given."""
    keys = {key: value for key, value in fields.items() if value}
    out: list[Entry] = []
    for item in named:
        texts = expanded(item)
        new = [text for text in texts if find(cluster.hosts, text, keys.get("port")) is None]
        if len(new) == len(texts):
            out.append(Entry(item, tuple(texts), keys))
        else:
            out += [Entry(text, (text,), keys) for text in new]
    return out


def with_names(new: list[Entry], name: str) -> list[Entry]:
    """The same with names for tables. :param name: one, or a range of as many as there are hosts."""
    names = expanded(name)
    hosts = [text for entry in new for text in entry.texts]
    if len(names) != len(hosts):
        hint = f"a range names several, such as gpu[1-{len(hosts)}]" if len(hosts) > 1 else ""
        raise Mistake(f"--name {name} gives {len(names)} names for {len(hosts)} new hosts", hint)
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
        return load(copy).model_copy(update={"path": path})
    finally:
        copy.unlink(missing_ok=True)
