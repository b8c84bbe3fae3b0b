"""Install: on all hosts at once, the head included; nothing there waits for anything."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from tasks import runtimes
from tasks.report.console import Board
from tasks.run.run import Node, Run
from tasks.runtimes import steps
from tasks.script.script import Script

title = "Install"


def run(run: Run) -> None:
    with Installation(run) as installation:
        waiting = pending(run)
        installation.begin(waiting)
        run.each(title, [n for n in waiting if n.failure is None], installation.install)


def pending(run: Run) -> list[Node]:
    """The nodes that lack what they run from, and whose runtime has not brought it before the plan."""
    lacking = [n for n in run.chosen if n.change and n.change.install]
    return [n for n in lacking if runtimes.steps_of(n.host).installs]


class Installation:
    """The installations of all runtimes; used as a context, at whose end what they needed is removed."""

    def __init__(self, run: Run) -> None:
        self._own = {
            name: runtimes.steps_by_name(name).installation(run) for name in runtimes.grouped(run.nodes)
        }

    def __enter__(self) -> Installation:
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.ExitStack() as stack:
            for own in self._own.values():
                stack.callback(own.end)

    def begin(self, nodes: Sequence[Node]) -> None:
        """What has to be done on one host before the others can be installed."""
        for name, group in runtimes.grouped(nodes).items():
            self._own[name].begin(group)

    def install(self, node: Node, board: Board) -> None:
        """Installs on one node."""
        self._of(node).install(node, board)

    def scripts(self, node: Node) -> list[Script]:
        """The scripts that would do it, in order; for a person to read."""
        return self._of(node).scripts(node)

    def _of(self, node: Node) -> steps.Installation:
        return self._own[node.host.runtime]
