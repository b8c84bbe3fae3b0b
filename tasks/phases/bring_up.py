"""Install and start: no host waits for another, but that a worker starts when the head is up.

A cluster that runs is treated otherwise: everything is installed first, so that its nodes are away only while
they start over, and so that a change that fails leaves it running as it was.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from tasks.phases import install, start
from tasks.report.console import Board
from tasks.run.run import Failure, HostFailed, Node, Run, Stop

title = "Install and start"


def run(run: Run) -> None:
    head = run.head
    starting = [n for n in run.chosen if n.change and n.change.start]
    installing = install.pending(run)
    if head not in starting or head.facts.active or not installing:
        install.run(run)
        if head in starting and head.facts.active:
            _all_or_nothing(installing)
        start.run(run)
        return
    start.get_token(run, starting)
    head_is_settled = threading.Event()

    def one(node: Node, board: Board) -> None:
        try:
            if node in installing:
                installation.install(node, board)
            if node is not head:
                board.step(node.name, "ready; waiting for the head")
                head_is_settled.wait()
                if "started" not in head.did:
                    raise HostFailed(Failure("not started because the head isn't up"))
            start.start(run, node, board)
            if node is head:
                run.console.ok("The head is up", f"{run.head_address}, {board.seconds:.1f} s")
        finally:
            if node is head:
                head_is_settled.set()

    with install.Installation(run) as installation:
        installation.begin(installing)
        if head.failure is not None:
            raise Stop("the head could not be installed, so nothing was started", head.failure.hint)
        starting = [n for n in starting if n.failure is None]
        # the head is first in the list, so it is never behind workers that wait for it
        run.each(title, starting, one)
    if head.failure is not None:
        raise Stop("the head did not start, so no worker was started", head.failure.hint)


def ahead(run: Run) -> None:
    """Of a restart: installs while everything still runs, so that nodes are away only while they start again."""
    installing = install.pending(run)
    install.run(run)
    if run.head in run.chosen and run.head.facts.active:
        _all_or_nothing(installing)
    for node in installing:
        node.change = replace(node.change, install=False)


def _all_or_nothing(installed: list[Node]) -> None:
    """Before a head that runs is started over, which ends what runs on all hosts: the change is there everywhere."""
    if failed := [n for n in installed if n.failure is not None]:
        names = ", ".join(n.name for n in failed)
        hint = "fix that, or remove the host: fab remove-worker --host X"
        raise Stop(
            f"not installed on {names}, so nothing was restarted: the cluster keeps running unchanged", hint
        )
