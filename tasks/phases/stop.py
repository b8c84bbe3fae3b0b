"""Stop and destroy: workers first, the head last."""

from __future__ import annotations

from collections.abc import Callable

from tasks.node.operations import destroy_script, stop_script
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.start import STOP_TIMEOUT
from tasks.run.step import step


@step("Stop Ray", changes=True)
def stop(run: Run) -> None:
    """Stops the nodes; they also stay stopped after a reboot, until `fab start`."""

    def one(node: Reached, board: Board) -> None:
        answer = run.ask(node, stop_script(run.cluster.name, sudo=node.sudo), board, timeout=STOP_TIMEOUT)
        if answer.values.get("changed") == "1":
            run.did(node, "stopped")

    _workers_first(run, "Stop", one)


@step("Remove everything", changes=True)
def destroy(run: Run) -> None:
    """Removes everything that this project put on the chosen hosts."""
    kept: dict[str, list[str]] = {}

    def one(node: Reached, board: Board) -> None:
        script = destroy_script(node.host, run.cluster.name, sudo=node.sudo, purge=run.options.purge)
        answer = run.ask(node, script, board, timeout=STOP_TIMEOUT)
        for note in answer.all.get("note", ()):
            run.console.note(f"{node.name}: {note}")
        for left in answer.all.get("left", ()):
            run.console.note(f"{node.name}: could not remove {left}, which belongs to another user")
        for what in answer.all.get("kept", ()):
            kept.setdefault(what, []).append(node.name)
        if answer.values.get("changed") == "1":
            run.did(node, "removed")

    _workers_first(run, "Destroy", one)
    for what, names in kept.items():
        way = "" if run.options.purge else "; fab destroy --purge removes it"
        run.console.note(f"{what} on {', '.join(names)}{way}")


def _workers_first(run: Run, verb: str, work: Callable[[Reached, Board], None]) -> None:
    run.each(f"{verb} the workers", [n for n in run.chosen(Reached) if not n.is_head], work)
    run.each(f"{verb} the head", [n for n in run.chosen(Reached) if n.is_head], work)
