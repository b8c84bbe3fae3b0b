"""Verify: every node is alive in Ray's own node table, and a real task ran on each."""

from __future__ import annotations

from tasks.run.prove import prove
from tasks.run.ray_table import expected
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.run.start import stop_again
from tasks.run.step import step


@step("Run a task on every node")
def verify(run: Run) -> None:
    prove(run, expected(run))


@step("Stop what could not join")
def stop_failed(run: Run) -> None:
    """Stops the workers that this run has started in vain: their supervisors would start them again for ever."""
    failed = [node for node in run.failed if "started" in run.done(node) and isinstance(node, Planned)]
    stop_again(run, [node for node in failed if not node.is_head])
