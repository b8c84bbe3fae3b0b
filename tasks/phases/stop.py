"""Stop and destroy: workers first, the head last."""

from __future__ import annotations

from tasks.node.operations import destroy_script, stop_script
from tasks.report.console import Board
from tasks.run.run import Node, Run

TIMEOUT = 180.0


def _in_order(run: Run, verb: str, work) -> None:
    workers = [n for n in run.chosen if not n.is_head]
    run.each(f"{verb} the workers", workers, work)
    run.each(f"{verb} the head", [n for n in run.chosen if n.is_head], work)


def stop(run: Run) -> None:
    """Ends Ray on the chosen hosts; a reboot does not bring it back, `fab start` does."""

    def one(node: Node, board: Board) -> None:
        answer = run.ask(node, stop_script(run.cluster.name, sudo=node.sudo), board, timeout=TIMEOUT)
        if answer.values.get("changed") == "1":
            node.did.append("stopped")

    _in_order(run, "Stop", one)


def destroy(run: Run) -> None:
    """Removes everything that this project put on the chosen hosts."""
    kept: dict[str, list[str]] = {}

    def one(node: Node, board: Board) -> None:
        script = destroy_script(node.host, run.cluster.name, sudo=node.sudo, purge=run.purge)
        answer = run.ask(node, script, board, timeout=TIMEOUT)
        for left in answer.all.get("left", ()):
            run.console.note(f"{node.name}: could not remove {left}, which belongs to another user")
        for what in answer.all.get("kept", ()):
            kept.setdefault(what, []).append(node.name)
        if answer.values.get("changed") == "1":
            node.did.append("removed")

    _in_order(run, "Destroy", one)
    for what, names in kept.items():
        way = "" if run.purge else "; fab destroy --purge removes it"
        run.console.note(f"{what} on {', '.join(names)}{way}")
