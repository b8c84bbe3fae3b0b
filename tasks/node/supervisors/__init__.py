"""Supervisors of nodes that run on the host itself: a file for each, and the table of them.

A supervisor has one or more *kinds* of service. The kind is written into the node's folder on the host; it
selects the functions that scripts call (``sh/kind_*.sh``, ``ps/kind_*.ps1``).
"""

from __future__ import annotations

from typing import Protocol

from tasks.node.facts import Facts
from tasks.node.names import RAY_DIR
from tasks.node.supervisors import launchd, loop, systemd, windows_task
from tasks.node.supervisors.environment import Activation, Start

__all__ = ["TABLE", "Activation", "Start", "Supervisor", "files", "kind_on", "ray_dir"]


class Supervisor(Protocol):
    """The functions of each module of this package."""

    KINDS: tuple[str, ...]

    def kind_on(self, facts: Facts) -> str | None:
        """The kind of service that this supervisor can run on the host; None if it can run none."""

    def files(self, kind: str, start: Start) -> dict[str, str]:
        """The files that the start needs, by the name of the script value that holds each."""


# in order of preference: the loop supports every host that the others do not
TABLE: tuple[Supervisor, ...] = (launchd, windows_task, systemd, loop)


def kind_on(facts: Facts) -> str:
    """The kind of service for a node on this host."""
    return next(kind for one in TABLE if (kind := one.kind_on(facts)))


def files(kind: str, start: Start) -> dict[str, str]:
    """The files of a service of this kind."""
    return next(one for one in TABLE if kind in one.KINDS).files(kind, start)


def ray_dir(kind: str, home: str, cluster: str) -> str:
    """Ray's own folder for sockets and logs."""
    return windows_task.temp_dir(home, cluster) if kind in windows_task.KINDS else RAY_DIR
