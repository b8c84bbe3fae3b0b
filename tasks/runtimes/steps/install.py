"""Installs for all runtimes in one run: on all hosts at once, including the head."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from tasks import runtimes
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.runtimes.steps import Installation
from tasks.script.script import Script


def install(run: Run) -> None:
    """Installs on every chosen host that lacks something."""
    with Installations(run) as installations:
        waiting = pending(run)
        installations.begin(waiting)
        run.each("Install", [node for node in waiting if not run.failure(node)], installations.install)


def pending(run: Run) -> list[Planned]:
    """The hosts that lack something that was not installed before the plan."""
    lacking = [node for node in run.chosen(Planned) if node.change.install]
    return [node for node in lacking if runtimes.steps_of(node.host).installs]


class Installations:
    """One :class:`tasks.runtimes.steps.Installation` for each runtime, as a context manager that cleans up."""

    def __init__(self, run: Run) -> None:
        names = runtimes.grouped(run.every())
        self._by_name = {name: runtimes.steps_by_name(name).installation(run) for name in names}

    def __enter__(self) -> Installations:
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.ExitStack() as stack:
            for one in self._by_name.values():
                stack.callback(one.end)

    def begin(self, nodes: Sequence[Planned]) -> None:
        """Does what must be done on one host before the others can be installed."""
        for name, group in runtimes.grouped(nodes).items():
            self._by_name[name].begin(group)

    def install(self, node: Planned, board: Board) -> None:
        """Installs on one host.

        :raises HostFailed: the installation failed.
        """
        self._of(node).install(node, board)

    def scripts(self, node: Planned) -> list[Script]:
        """The scripts that would install what this node lacks, in order; for the user to read."""
        return self._of(node).scripts(node)

    def _of(self, node: Planned) -> Installation:
        return self._by_name[node.host.runtime]
