"""Start and restart: only hosts on which something is deployed; `start` leaves alone what runs."""

from __future__ import annotations

from dataclasses import replace

from tasks.plan.changes import NONE
from tasks.report import handover
from tasks.run.run import Failure, Node, Run, Stop

HINT = "fab deploy-cluster installs and starts what is missing"


def deployed_only(run: Run) -> None:
    """Leaves out hosts on which nothing is deployed; nothing is installed there."""
    bare = [n for n in run.living if n.facts is not None and not n.subject.state]
    wanted = [n for n in bare if n in run.chosen]
    if run.head in bare:
        everywhere = len(bare) == len(run.living)
        where = "these hosts" if everywhere else "the head, so there is no cluster to start"
        raise Stop(f"nothing is deployed on {where}", HINT)
    if wanted and len(wanted) == len(run.chosen):
        raise Stop(f"nothing is deployed on {handover.names(n.name for n in wanted)}", HINT)
    if wanted:
        run.console.note(f"not deployed, so left alone: {handover.names(n.name for n in wanted)}; {HINT}")
    run.leave_out(bare)


def start_only(run: Run) -> None:
    """After the plan: what runs stays as it is, and what needs an installation is not started."""
    for node in run.chosen:
        if node.change is None:
            continue
        if node.facts.active:
            node.change = NONE
        elif node.change.install:
            _refuse(run, node)
    if run.head.failure is not None:
        raise Stop("the head cannot be started, so no worker was", run.head.failure.hint)


def _refuse(run: Run, node: Node) -> None:
    failure = Failure(f"needs more than a start: {node.change}", "fab deploy-cluster does that as well")
    run.fail(node, failure)
    run.console.bad(f"{node.name}: {failure.message}", failure.hint)


def restart_all(run: Run) -> None:
    """After the plan: every chosen node is started again, whether anything has changed or not."""
    for node in run.chosen:
        if node.change is not None:
            node.change = node.change.with_restart()


def stopped(run: Run) -> None:
    """Between stop and start of a restart: the hosts' facts as the stop has left them."""
    for node in run.chosen:
        node.facts = replace(node.facts, active=False)
    if run.head.failure is not None:
        raise Stop("the head could not be stopped, so nothing was started again", run.head.failure.hint)
