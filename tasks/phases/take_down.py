"""Take down again what fails on hosts that are not in the hosts file yet: no other command would reach it."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.operations import destroy_script
from tasks.report import handover
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.run.start import STOP_TIMEOUT
from tasks.run.step import Step


def taking_down_new(steps: Sequence[Step]) -> Step:
    """These steps as one. Whatever ends them early, new hosts on which no node works are left as they were."""

    def work(run: Run) -> None:
        try:
            for one in steps:
                one(run)
        except Exception:
            _take_down(run, run.every(Planned))
            raise
        _take_down(run, [node for node in run.every(Planned) if run.failure(node)])

    return Step("Install and start", work, changes=True)


def _take_down(run: Run, nodes: Sequence[Planned]) -> None:
    """What was deployed there before is left alone, and so are downloads of an installation that was not finished."""
    new = [node for node in nodes if node.name in run.options.new and not node.state]
    bare = [node for node in new if run.done(node) or not node.change.install]

    def one(node: Planned, board: Board) -> None:
        script = destroy_script(node.host, run.cluster.name, sudo=node.sudo)
        answer = run.ask(node, script, board, timeout=STOP_TIMEOUT)
        if answer.values.get("changed") == "1":
            run.did(node, "removed")

    cleared = run.each("Take down what could not join", bare, one)
    if cleared:
        names = handover.names(node.name for node in cleared)
        run.console.note(f"what was installed was removed again: {names}")
