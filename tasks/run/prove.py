"""Shows that nodes work: each is alive in Ray's own node table, and a real task ran on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.report.reasons import fix
from tasks.run.failures import Failure, Stop
from tasks.run.ray_table import ask_ray, last_lines, members
from tasks.run.run import Run
from tasks.run.stages import Planned

PATIENCE = 60.0  # seconds until every node must have run a task
ANSWER = 30.0  # seconds within which a GCS that has just started must answer


def prove(run: Run, nodes: Sequence[Planned]) -> None:
    """Waits until each of these nodes has run a task; one that has not has failed.

    :raises Stop: the head does not answer.
    """
    names = {node.name for node in nodes}
    awaited = [member for member in members(run) if member.host in names]
    run.learned.table.clear()
    ask_ray(run, tasks=True, patience=PATIENCE, expect=awaited, answer=ANSWER)
    if failure := run.failure(run.head()):
        raise Stop("the head does not answer, so it is unknown which nodes have joined", failure.hint)
    for node in nodes:
        if why := _problem(run.learned.ray_nodes.get(node.name)):
            lines = last_lines(run, node)
            hint = fix(lines, why) or f"fab logs --host {node.name}"
            run.fail(node, Failure(why, hint, lines))
            run.console.bad(f"{node.name}: {why}", hint)


def _problem(entry: dict[str, Any] | None) -> str:
    """Why a node is not working; '' if it is.

    :param entry: its entry in Ray's node table, None if there is none.
    """
    if entry is None:
        return "did not join the cluster"
    if not entry["alive"]:
        return f"left the cluster: {entry['reason'] or 'Ray reports it as dead'}"
    return "" if "task" in entry else f"could not run a task: {entry.get('task_error', 'no answer in time')}"
