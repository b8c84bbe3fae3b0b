"""Install and start: all hosts install at the same time; workers start once the head's GCS listens.

On a running cluster, everything is installed before anything is restarted: nodes are down only while they restart,
and if an installation fails, the cluster keeps running unchanged.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from tasks.node.start import LISTENING
from tasks.report.console import Board
from tasks.run.failures import Failure, HostFailed, Stop
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.run.start import get_token, start, start_all, stop_again
from tasks.run.step import step
from tasks.runtimes.steps.install import Installations, install, pending


@step("Install and start", changes=True)
def install_and_start(run: Run) -> None:
    head, installing = run.head(Planned), pending(run)
    starts = run.may_change(head) and head.change.start
    if starts and not head.facts.active and installing:
        _side_by_side(run, head, installing)
        return
    install(run)
    if starts and head.facts.active:
        _all_or_nothing(run, installing)
    start_all(run)


@step("Install before the stop", changes=True)
def install_ahead(run: Run) -> None:
    """For a restart: installs while everything is still running, so that nodes are down only while they restart."""
    installing = pending(run)
    install(run)
    head = run.head(Planned)
    if run.may_change(head) and head.facts.active:
        _all_or_nothing(run, installing)
    for node in installing:
        run.put(replace(node, change=replace(node.change, install=False)))


def _side_by_side(run: Run, head: Planned, installing: Sequence[Planned]) -> None:
    """For a cluster that isn't running: the head starts while other hosts are still installing."""
    starting = [node for node in run.chosen(Planned) if node.change.start]
    get_token(run, starting)
    may_join, listens = threading.Event(), threading.Event()

    def one(node: Planned, board: Board) -> None:
        try:
            if node in installing:
                installations.install(node, board)
            if not node.is_head:
                board.step(node.name, "ready; waiting for the head")
                may_join.wait()
                if not listens.is_set() and "started" not in run.done(head):
                    raise HostFailed(
                        Failure("not started because the head isn't up", "see why the head did not start")
                    )
            start(run, run.now(node), _Listening(board, listens, may_join) if node.is_head else board)
            if node.is_head:
                run.console.ok("The head is up", f"{run.learned.head_address}, {board.seconds:.1f} s")
        finally:
            if node.is_head:
                may_join.set()

    with Installations(run) as installations:
        installations.begin(installing)
        if failure := run.failure(head):
            raise Stop("the head could not be installed, so nothing was started", failure.hint)
        starting = [node for node in starting if not run.failure(node)]
        # the head is first in the list, so it is never queued behind workers that wait for it
        run.each("Install and start", starting, one)
    if failure := run.failure(head):
        # a head may fail although its GCS has listened
        stop_again(run, [node for node in starting if not node.is_head and "started" in run.done(node)])
        raise Stop("the head did not start, so no worker runs", failure.hint)


class _Listening:
    """A board that sets events when the head's script says that its GCS listens."""

    def __init__(self, board: Board, *events: threading.Event) -> None:
        self._board, self._events = board, events

    def step(self, name: str, text: str) -> None:
        if text == LISTENING:
            for event in self._events:
                event.set()
        self._board.step(name, text)


def _all_or_nothing(run: Run, installing: Sequence[Planned]) -> None:
    """For a running head: its restart stops all nodes, so every host must be installed before it."""
    if failed := [node.name for node in installing if run.failure(node)]:
        hint = "fix that, or remove the host: fab remove-worker --host X"
        raise Stop(
            f"not installed on {', '.join(failed)}, so nothing was restarted: the cluster keeps running unchanged",
            hint,
        )
