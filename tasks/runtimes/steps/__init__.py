"""The steps that a runtime adds to an operation. Each runtime implements them in its ``steps/__init__.py``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tasks.inventory import Host
from tasks.node.subject import Finding
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Known, Planned, Resolved
from tasks.run.step import Step
from tasks.script.script import Script


class Installation:
    """Installs all nodes of one runtime in one run; they may share downloads and servers."""

    def begin(self, nodes: Sequence[Planned]) -> None:
        """Prepares for the installation of these nodes."""

    def install(self, node: Planned, board: Board) -> None:
        """Installs the software of one node. Called for many nodes at once.

        :raises HostFailed: the installation failed.
        """

    def scripts(self, node: Planned) -> list[Script]:
        """The scripts that would install what this node lacks, in order; for the user to read."""
        return []

    def end(self) -> None:
        """Cleans up after the installation, also after a failure."""


class Steps:
    """The part of one runtime in an operation. The defaults here suit a runtime that installs nothing."""

    #: steps between the facts and the plan that may change hosts: they install what the plan depends on
    preparing: Sequence[Step] = ()
    #: whether :class:`Installation` installs anything; False if ``preparing`` has installed everything
    installs: bool = True

    def check(self, run: Run, *, installs: bool) -> None:
        """Checks the files on the operator's machine, before anything is connected.

        :param installs: whether this run may install or fetch anything.
        :raises Stop: a file cannot be used.
        """

    def request_of(self, host: Host) -> str:
        """A digest of the versions that the hosts file requests. While it is the same, the chosen versions are kept."""
        raise NotImplementedError

    def resolve(
        self, run: Run, nodes: Sequence[Known], settled: Sequence[Resolved]
    ) -> tuple[list[Resolved], list[Finding]]:
        """Chooses the versions of each of these hosts.

        :param settled: hosts of other runtimes, whose versions are already chosen.
        :returns: the hosts with their versions, and problems; if there are any, nothing is started.
        """
        raise NotImplementedError

    def images_in(self, path: Path) -> list[tuple[str, str]]:
        """The full names of the images in an archive, each with its architecture; for a runtime that uses images.

        :raises Stop: it is not an archive of images.
        """
        return []

    def lacking_images(self, run: Run, there: Collection[tuple[str, str]]) -> list[str]:
        """The images that hosts need besides these, which a bundle is going to hold."""
        return []

    def trial(self, run: Run, node: Planned) -> Script | None:
        """The script that imports Ray in what was installed, before it takes the place of what runs.

        None: installing it has shown that already.
        """
        return None

    def went_back(self, run: Run, nodes: Sequence[Planned]) -> None:
        """Makes the files on this machine those of the nodes that run again."""

    def installation(self, run: Run) -> Installation:
        """Makes the object that installs this runtime's nodes in this run."""
        return Installation()


def digest_of(asked: Any) -> str:
    """A digest of a request, which can be any JSON value."""
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]
