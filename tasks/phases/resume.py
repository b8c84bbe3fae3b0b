"""Start and restart: only hosts on which something is deployed; `start` leaves running nodes alone."""

from __future__ import annotations

from dataclasses import replace

from tasks import runtimes
from tasks.plan.changes import NONE
from tasks.report import handover
from tasks.run.failures import Failure, Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Planned
from tasks.run.step import step

HINT = "fab deploy-cluster installs and starts what is missing"


@step("Leave out hosts on which nothing is deployed")
def leave_out_bare_hosts(run: Run) -> None:
    bare = [node for node in run.living(Known) if not node.state]
    wanted = [node for node in bare if run.may_change(node)]
    if run.head() in bare:
        everywhere = len(bare) == len(run.living())
        where = "these hosts" if everywhere else "the head, so there is no cluster to start"
        raise Stop(f"nothing is deployed on {where}", HINT)
    if wanted and len(wanted) == len(run.chosen()):
        raise Stop(f"nothing is deployed on {handover.names(n.name for n in wanted)}", HINT)
    if wanted:
        run.console.note(f"not deployed, so left alone: {handover.names(n.name for n in wanted)}; {HINT}")
    run.leave_out(bare)


@step("Choose the stopped nodes")
def start_only_stopped(run: Run) -> None:
    """After the plan: leaves running nodes alone, and doesn't start nodes that need an installation."""
    for node in run.chosen(Planned):
        if node.facts.active and not node.facts.hold and not runtimes.of(node.host).life(node.facts).dead:
            run.put(replace(node, change=NONE))
        elif node.change.install:
            failure = Failure(
                f"needs more than a start: {node.change}", "fab deploy-cluster does that as well"
            )
            run.fail(node, failure)
            run.console.bad(f"{node.name}: {failure.message}", failure.hint)
    if failure := run.failure(run.head()):
        raise Stop("the head cannot be started, so no worker was", failure.hint)


@step("Choose all nodes")
def restart_all(run: Run) -> None:
    """After the plan: restarts every chosen node, whether anything has changed or not."""
    for node in run.chosen(Planned):
        run.put(replace(node, change=node.change.with_restart()))


@step("Note what has stopped")
def note_stopped(run: Run) -> None:
    """Between the stop and the start of a restart: updates the facts after the stop."""
    for node in run.chosen(Known):
        run.put(replace(node, facts=replace(node.facts, active=False)))
    if failure := run.failure(run.head()):
        raise Stop("the head could not be stopped, so nothing was started again", failure.hint)
