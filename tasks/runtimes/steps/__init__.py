"""What a runtime adds to an operation. Each runtime fills this class in its ``steps/__init__.py``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from tasks.inventory import Host
from tasks.node.subject import Finding
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Known, Planned, Resolved
from tasks.run.step import Step
from tasks.script.script import Script


class Installation:
    """The installations of one runtime's nodes in one run; they may share what is fetched or served."""

    def begin(self, nodes: Sequence[Planned]) -> None:
        """What has to be done before any of these nodes is installed."""

    def install(self, node: Planned, board: Board) -> None:
        """Installs what one node runs from. Called for many nodes at once.

        :raises HostFailed: it did not succeed.
        """

    def scripts(self, node: Planned) -> list[Script]:
        """The scripts that would bring to this node what it lacks, in order; for a person to read."""
        return []

    def end(self) -> None:
        """Removes what was needed for it, however it ended."""


class Steps:
    """One runtime's side of an operation. What is defined here suits one that installs nothing."""

    #: steps between the facts and the plan that may change hosts: what has to be there before anything is decided
    preparing: Sequence[Step] = ()
    #: whether :class:`Installation` installs; False where ``preparing`` has brought everything
    installs: bool = True

    def check(self, run: Run, *, installs: bool) -> None:
        """Before anything is connected: the files on the operator's machine are as they must be.

        :param installs: whether this run may install or fetch anything.
        :raises Stop: they are not.
        """

    def request_of(self, host: Host) -> str:
        """A digest of what the hosts file asks for. While it stays the same, the versions chosen for it stay too."""
        raise NotImplementedError

    def resolve(
        self, run: Run, nodes: Sequence[Known], settled: Sequence[Resolved]
    ) -> tuple[list[Resolved], list[Finding]]:
        """Chooses the versions of each of these hosts.

        :param settled: the hosts of other runtimes whose versions are chosen already.
        :returns: the hosts with their versions, and what stands in the way; nothing is started then.
        """
        raise NotImplementedError

    def installation(self, run: Run) -> Installation:
        """The installation of this runtime's nodes in this run."""
        return Installation()


def digest_of(asked: Any) -> str:
    """The same for the same request, of whatever JSON can hold."""
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]
