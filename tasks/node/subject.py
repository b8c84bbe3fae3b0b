"""A host together with its facts, and what was found about it."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.inventory import Host
from tasks.node.facts import Facts


@dataclass(frozen=True)
class Subject:
    """One host of the cluster whose facts are known."""

    host: Host
    facts: Facts

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def state(self) -> dict:
        """What an earlier deploy recorded on the host; empty if there was none."""
        return self.facts.state or {}

    @property
    def cpus(self) -> int | None:
        """CPUs that Ray can use on this host: those of a virtual machine where Ray runs in one."""
        return self.facts.own.cpus or self.facts.cpus

    @property
    def memory(self) -> int | None:
        """Bytes that Ray can use, as for :attr:`cpus`."""
        return self.facts.own.memory or self.facts.memory


@dataclass(frozen=True)
class Finding:
    """A problem on one host, and how to fix it."""

    name: str
    message: str
    hint: str = ""
    note: bool = False  # only reported; the run continues
