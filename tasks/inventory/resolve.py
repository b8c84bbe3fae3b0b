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
from tasks.inventory.secret import SecretSource
from tasks.inventory.sections import Conda, Docker, Mirrors

Section = TypeVar("Section", bound=BaseModel)
_SECTIONS = ("ray", "docker", "conda", "uv", "mirrors")
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
    common["key"] = _from_folder(common["key"], folder)
    for section in _SECTIONS:
        common[section] = overlay(getattr(defaults, section), getattr(entry, section))
    common["docker"] = _docker_paths(common["docker"], folder)
    common["docker"] = _docker_password(common["docker"], entry, where)
    common["conda"] = _conda_paths(common["conda"], folder)
    common["mirrors"] = _mirror_paths(common["mirrors"], folder)

    hosts = ranges.expand(place.host)
    if role == "head" and len(hosts) > 1:
        raise Conflict("host", f"a cluster has one head, and this range names {len(hosts)} hosts")
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
            key, f"{len(values)} for {len(hosts)} hosts; write a range of the same length, or leave it out"
        )
    return values


def _finished(value: Any, where: Where) -> Any:
    # a prompt asks for its path in the file; equal prompts are asked once
    if isinstance(value, SecretSource) and value.kind == "prompt":
        return dataclasses.replace(value, argument=dotted(where))
    return value


def _from_folder(path: str | None, folder: Path) -> str | None:
    if path is None or path.startswith("~") or Path(path).is_absolute():
        return path
    return str(folder / path)


def _docker_paths(docker: Docker, folder: Path) -> Docker:
    kind, colon, path = docker.image_source.partition(":")
    if not colon:
        return docker
    return docker.model_copy(update={"image_source": f"{kind}:{_from_folder(path, folder)}"})


def _docker_password(docker: Docker, entry: HostEntry, where: Where) -> Docker:
    here = entry.docker is not None and "registry_password" in entry.docker.model_fields_set
    place = (*where, "docker", "registry_password") if here else ("docker", "registry_password")
    return docker.model_copy(update={"registry_password": _finished(docker.registry_password, place)})


def _conda_paths(conda: Conda, folder: Path) -> Conda:
    update = {"lock": _from_folder(conda.lock, folder)}
    if conda.needs_sha256 and "://" not in conda.installer:
        update["installer"] = _from_folder(conda.installer, folder)
    return conda.model_copy(update=update)


def _mirror_paths(mirrors: Mirrors, folder: Path) -> Mirrors:
    return mirrors.model_copy(update={"ca": _from_folder(mirrors.ca, folder)})
