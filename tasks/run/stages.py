"""The stages of a host in a run, each a type: what the run knows about the host, added to the stage before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from tasks.inventory import Host, Secret
from tasks.node.desired import Desired, Versions
from tasks.node.facts import Facts
from tasks.node.subject import Subject
from tasks.plan.changes import Change
from tasks.ssh import BaseConnection


@dataclass(frozen=True)
class Passwords:
    """The secrets of one host: for its login, for sudo, and for the registry of its image."""

    login: Secret | None = None
    sudo: Secret | None = None
    registry: Secret | None = None


@dataclass(frozen=True, eq=False)
class Listed:
    """A host of the hosts file. The same host compares equal at any two stages."""

    host: Host
    passwords: Passwords = Passwords()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listed) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def is_head(self) -> bool:
        return self.host.role == "head"

    @property
    def sudo(self) -> bool:
        """Whether scripts receive a sudo password."""
        return self.passwords.sudo is not None

    def reached(self, connection: BaseConnection) -> Reached:
        return Reached(**vars(self), connection=connection)


@dataclass(frozen=True, eq=False, kw_only=True)
class Reached(Listed):
    """A host to which a connection is open."""

    connection: BaseConnection

    def known(self, facts: Facts, lock_text: str = "") -> Known:
        return Known(**vars(self), facts=facts, lock_text=lock_text)


@dataclass(frozen=True, eq=False, kw_only=True)
class Known(Reached):
    """A host whose facts are known.

    :param lock_text: the lock of the installed environment: its packages; empty if there is none.
    """

    facts: Facts
    lock_text: str = ""

    @property
    def subject(self) -> Subject:
        return Subject(self.host, self.facts)

    @property
    def state(self) -> dict:
        """What an earlier deploy recorded on the host; empty if there was none."""
        return self.facts.state or {}

    @property
    def runs(self) -> bool:
        """Whether its node is running, or an interrupted run has left processes of the node."""
        return self.facts.active or self.facts.node_processes

    def resolved(self, versions: Versions) -> Resolved:
        return Resolved(**vars(self), versions=versions)


@dataclass(frozen=True, eq=False, kw_only=True)
class Resolved(Known):
    """A host whose versions are chosen."""

    versions: Versions

    def planned(self, desired: Desired, change: Change) -> Planned:
        return Planned(**vars(self), desired=desired, change=change)


@dataclass(frozen=True, eq=False, kw_only=True)
class Planned(Resolved):
    """A host whose desired node is known, and the changes that it needs."""

    desired: Desired
    change: Change


Stage = TypeVar("Stage", bound=Listed)
