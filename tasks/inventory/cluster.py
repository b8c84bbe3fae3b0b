"""The description of a cluster: every default filled in, every override merged, immutable."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tasks.inventory.hooks import Hooks, Notify
from tasks.inventory.runtime_sections import with_runtimes
from tasks.inventory.secret import SecretSource
from tasks.inventory.sections import Frozen, Mirrors, Ray


class _HostKeys(Frozen):
    """What a host has before the sections of runtimes."""

    host: str
    name: str
    role: Literal["head", "worker"]
    connection: Literal["ssh", "local", "openssh"]
    user: str | None
    port: int | None
    key: str | None
    jump: tuple[str, ...]
    host_keys: Literal["strict", "accept-new", "off"]
    password: SecretSource | None
    sudo_password: SecretSource | None
    connect_timeout: float
    runtime: str
    node_ip: str | None
    cpus: int | None
    gpus: int | None
    memory: int | None
    resources: dict[str, float]
    labels: dict[str, str]
    ray: Ray


class Host(with_runtimes(_HostKeys, lambda name, section: (section, ...))):
    """One machine.

    ``host`` has no brackets, no ``user@`` and no port. Where ``user``, ``port`` or ``key`` is None, ssh's own
    configuration decides. ``memory`` is in bytes, ``connect_timeout`` in seconds; ``line`` counts from 1.
    """

    mirrors: Mirrors
    line: int

    def __hash__(self) -> int:
        return hash((self.name, self.host, self.port))


class Cluster(Frozen):
    """All machines. ``parallel`` limits the connections; ``warnings`` are lines to show before a run.

    ``groups`` has the names of each group's hosts.

    ``files`` are the :class:`tasks.inventory.localfiles.Named` files of the operator's machine.
    """

    name: str
    path: Path
    head: Host
    workers: tuple[Host, ...]
    mirrors: Mirrors
    parallel: int
    warnings: tuple[str, ...]
    files: tuple[Any, ...] = ()
    groups: dict[str, tuple[str, ...]] = Field({})
    hooks: Hooks = Hooks()
    notify: Notify = Notify()

    @property
    def hosts(self) -> tuple[Host, ...]:
        return (self.head, *self.workers)

    def __hash__(self) -> int:
        return hash((self.name, self.path, self.hosts))
