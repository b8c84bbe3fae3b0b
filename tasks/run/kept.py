"""What the steps of an upgrade and of a rollback share."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.kept import stage_script
from tasks.run.failures import Failure
from tasks.run.run import Run
from tasks.run.stages import Planned

SHORT = 60.0  # seconds for a script that only moves files


def what(run: Run) -> str:
    """``upgrade`` or ``rollback``, as it was typed."""
    return run.options.what.split()[0]


def changing(run: Run) -> list[Planned]:
    """The nodes that are switched; none if everything is up to date."""
    return [node for node in run.chosen(Planned) if node.change.start]


def failed_on(run: Run) -> tuple[str, Failure] | None:
    """The first host that has failed, and why."""
    for node in run.failed:
        return node.name, run.failure(node)
    return None


def undo(run: Run, nodes: Sequence[Planned]) -> None:
    """Removes what was installed and not started; the reason for that is a failure already."""
    script = stage_script(run.cluster.name, "undo")
    failures = dict(run.record.failures)
    run.each(
        "Remove what was not started", nodes, lambda node, board: run.ask(node, script, board, timeout=SHORT)
    )
    run.record.failures = failures
