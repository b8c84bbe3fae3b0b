"""Drain workers, then stop them: `drain`, `maintenance on`, and the beginning of `remove-worker`."""

from __future__ import annotations

from tasks.node.hold import DRAIN, MAINTENANCE
from tasks.report import handover
from tasks.run.drain import can_drain, drain, hold, not_drained, reason, why
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step, step


@step("See whether this Ray can drain")
def need_drain(run: Run) -> None:
    head = run.head(Known)
    if not can_drain(run):
        names = handover.names(node.name for node in run.chosen())
        raise Stop(
            f"Ray {head.state.get('ray')} cannot drain a node: Ray 2.10 and later can; nothing was changed",
            f"fab stop --limit {names.replace(' ', '')} stops it at once, and asks first",
        )
    if missing := not_drained(run):
        raise Stop(f"{missing}: nothing was changed", "fab status says what runs")


@step("Choose the nodes that run")
def leave_out_stopped(run: Run) -> None:
    """For a drain alone: what does not run has nothing to lose, and is not held back either."""
    idle = [node for node in run.chosen(Known) if not node.runs]
    if idle:
        run.console.note(f"not running, so left alone: {handover.names(node.name for node in idle)}")
    if len(idle) == len(run.chosen()):
        raise Stop("nothing was changed: none of these nodes runs", "fab status says what runs")
    run.leave_out(idle)


def _drain_as(kind: str) -> Step:
    def work(run: Run) -> None:
        nodes = [node for node in run.chosen(Known) if not node.is_head]
        held = hold(run, nodes, reason(run, kind))
        for node in held:
            run.did(node, "held back")
        head_answered = not run.failure(run.head())
        drain(run, held, why(run))
        if head_answered and (failure := run.failure(run.head())):
            raise Stop(f"{failure.message}; no node was stopped", f"{failure.hint}; fab start goes back")

    return Step("Drain", work, changes=True)


hold_and_drain = _drain_as(DRAIN)
hold_for_maintenance = _drain_as(MAINTENANCE)


@step("Drain before the removal", changes=True)
def drain_first(run: Run) -> None:
    """For a removal: where nothing can be drained, the node is only stopped."""
    if run.options.deadline is not None and not not_drained(run):
        running = [node for node in run.chosen(Known) if node.runs]
        drain(run, hold(run, running, reason(run, DRAIN)), why(run))
        if failure := run.failure(run.head()):
            raise Stop(failure.message, f"{failure.hint}; remove-worker --force does not drain")
