"""The defaults and one entry of the file become hosts: merged, and with ranges expanded."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from tasks.inventory import address, ranges
from tasks.inventory.cluster import Host
from tasks.inventory.model import Defaults, HostEntry
from tasks.inventory.problems import Where, dotted
from tasks.inventory.runtime_sections import SECTIONS
from tasks.inventory.secret import SecretSource
from tasks.inventory.sections import Mirrors, RuntimeSection, from_folder
from tasks.text.wording import counted

Section = TypeVar("Section", bound=BaseModel)
_SSH_KEYS = ("key", "jump", "host_keys", "password", "sudo_password", "connect_timeout")


class Conflict(ValueError):
    """A host whose keys contradict each other; ``key`` is the one to report."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def overlay(base: Section, over: Section | None) -> Section:
    """``base`` with the keys that ``over`` sets; mappings are merged, lists and scalars replaced."""
    if over is None:
        return base
    update: dict[str, Any] = {}
    for name in over.model_fields_set:
        old, new = getattr(base, name), getattr(over, name)
        if isinstance(new, BaseModel):
            new = overlay(old, new)
        elif isinstance(new, dict):
            new = {**old, **new}
        update[name] = new
    return base.model_copy(update=update)


def resolve(
    entry: HostEntry,
    where: Where,
    line: int,
    role: Literal["head", "worker"],
    defaults: Defaults,
    folder: Path,
) -> list[Host]:
    """The hosts that one entry names.

    :param where: the entry's path in the file.
    :param folder: relative paths on the operator's machine start here.
    :raises Conflict: two keys of the entry contradict each other, or its ranges do not match.
    """
    place = address.parse(entry.host)
    common: dict[str, Any] = {
        "role": role,
        "line": line,
        "connection": entry.connection,
        "user": _one(entry, "user", place.user, defaults),
        "port": _one(entry, "port", place.port, defaults),
        "runtime": entry.runtime or defaults.runtime,
        "cpus": entry.cpus,
        "gpus": entry.gpus,
        "memory": entry.memory.bytes if entry.memory else None,
        "resources": entry.resources,
        "labels": entry.labels,
    }
    for key in _SSH_KEYS:
        here = key in entry.model_fields_set
        value = getattr(entry if here else defaults.ssh, key)
        common[key] = _finished(value, (*where, key) if here else ("ssh", key))
    common["jump"] = common["jump"] or ()
    common["key"] = from_folder(common["key"], folder)
    for section in ("ray", *SECTIONS, "mirrors"):
        common[section] = overlay(getattr(defaults, section), getattr(entry, section))
    for name in SECTIONS:
        common[name] = _own_section(name, common[name], entry, where, folder)
    common["mirrors"] = _mirror_paths(common["mirrors"], folder)

    hosts = ranges.expand(place.host)
    if role == "head" and len(hosts) > 1:
        raise Conflict("host", f"a cluster has one head, and this range names {counted(len(hosts), 'host')}")
    names = _alongside(entry.name, "name", hosts) or hosts
    node_ips = _alongside(entry.node_ip, "node_ip", hosts) or [None] * len(hosts)
    return [
        Host(host=host, name=name, node_ip=node_ip, **common)
        for host, name, node_ip in zip(hosts, names, node_ips, strict=True)
    ]


def _one(entry: HostEntry, key: str, in_address: Any, defaults: Defaults) -> Any:
    """The user or port, from the address or from the key of that name; both must agree."""
    beside = getattr(entry, key)
    if in_address is None:
        return beside if key in entry.model_fields_set else getattr(defaults.ssh, key)
    if beside is not None and beside != in_address:
        raise Conflict(key, f"the {key} is {beside} here and {in_address} in the address; leave one out")
    return in_address


def _alongside(pattern: str | None, key: str, hosts: list[str]) -> list[str] | None:
    """Names or addresses, one for each host."""
    if pattern is None:
        return None
    values = ranges.expand(pattern)
    if len(values) != len(hosts):
        raise Conflict(
            key,
            f"{len(values)} for {counted(len(hosts), 'host')}; write a range of the same length, or leave it out",
        )
    return values


def _finished(value: Any, where: Where) -> Any:
    # a prompt asks for its path in the file; equal prompts are asked once
    if isinstance(value, SecretSource) and value.kind == "prompt":
        return dataclasses.replace(value, argument=dotted(where))
    return value


def _own_section(
    name: str, section: RuntimeSection, entry: HostEntry, where: Where, folder: Path
) -> RuntimeSection:
    """A runtime's section with its paths and its passwords as the host needs them."""
    over = getattr(entry, name)
    update = {}
    for key in section.passwords():
        here = over is not None and key in over.model_fields_set
        place = (*where, name, key) if here else (name, key)
        update[key] = _finished(getattr(section, key), place)
    return section.at(folder).model_copy(update=update)


def _mirror_paths(mirrors: Mirrors, folder: Path) -> Mirrors:
    return mirrors.model_copy(update={"ca": from_folder(mirrors.ca, folder)})
