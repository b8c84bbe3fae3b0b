"""Hosts in maintenance: each is left alone until the maintenance ends."""

from __future__ import annotations

from dataclasses import replace

from tasks.node.hold import MAINTENANCE
from tasks.report import handover
from tasks.run.drain import release
from tasks.run.failures import Failure, Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step
from tasks.text.quoting import printed


def _in_maintenance(node: Known) -> bool:
    return bool(node.facts.hold and node.facts.hold.kind == MAINTENANCE)


@step("Leave out hosts in maintenance")
def leave_out_maintenance(run: Run) -> None:
    held = [node for node in run.living(Known) if _in_maintenance(node)]
    wanted = [node for node in held if run.may_change(node)]
    names = printed(",".join(node.name for node in wanted))
    for node in wanted:
        run.console.note(f"{node.name}: {node.facts.hold}; it is left alone")
    if run.head() in held:
        raise Stop("the head is in maintenance", f"fab maintenance off --host {printed(run.head().name)}")
    if wanted and len(wanted) == len(run.chosen()):
        raise Stop(
            "nothing was changed: every host that was chosen is in maintenance",
            f"fab maintenance off --host {names}",
        )
    run.leave_out(held)


@step("End the maintenance", changes=True)
def end_maintenance(run: Run) -> None:
    """Ends it, and starts nothing yet; hosts that are in none are left alone."""
    held = [node for node in run.chosen(Known) if _in_maintenance(node)]
    others = [node for node in run.chosen(Known) if not _in_maintenance(node)]
    if others:
        run.console.note(f"not in maintenance: {handover.names(node.name for node in others)}")
    for node in release(run, held):
        # somebody may have started the node by hand in the meantime
        run.put(replace(node, facts=replace(node.facts, hold=None)))
        run.did(node, "maintenance ended")


@step("See which hosts are in maintenance already")
def refuse_maintenance(run: Run) -> None:
    """A drain would replace the reason of the maintenance by its own."""
    for node in run.chosen(Known):
        if _in_maintenance(node):
            message, hint = str(node.facts.hold), f"fab maintenance off --host {printed(node.name)}"
            run.fail(node, Failure(message, hint))
            run.console.bad(f"{node.name}: {message}", hint)
    if not run.chosen():
        raise Stop("nothing was changed: every host that was chosen is in maintenance", "fab status")
