"""Plan: what would change on each host, and why."""

from __future__ import annotations

from dataclasses import replace

from tasks import runtimes
from tasks.inventory.ray_versions import NO_SPILL_DIR, has_own_spill_dir
from tasks.node import gcs_store
from tasks.node.addresses import join
from tasks.node.gcs_store import HeadState
from tasks.plan.addresses import addresses
from tasks.plan.changes import change
from tasks.plan.head_state import head_state
from tasks.plan.systems import multi_node_note
from tasks.run.desire import desire
from tasks.run.failures import Failure, Stop
from tasks.run.run import Run
from tasks.run.stages import Planned, Resolved
from tasks.run.step import step


@step("Plan")
def plan(run: Run) -> None:
    state = _decide_state(run, run.head(Resolved))
    head = run.head(Resolved)
    workers = [node for node in run.living(Resolved) if not node.is_head]
    ips, problems = addresses(head.subject, [node.subject for node in workers])
    for finding in problems:
        if finding.name == head.name:
            raise Stop(finding.message, finding.hint)
        run.fail(next(n for n in workers if n.name == finding.name), Failure(finding.message, finding.hint))
    ip = ips[head.name]
    run.learned.head_address = join(ip, head.host.ray.port)
    desired = replace(desire(run, head, ip), head_state=state)
    token = head.state.get("token") if desired.token else None
    change_of_head = change(head.subject, desired, token=token)
    run.put(head.planned(desired, change_of_head))
    # a head that keeps its state comes back to the workers that wait for it
    survives = gcs_store.survives(head.state, desired)
    restarts = change_of_head.start and run.may_change(head) and not survives
    for node in workers:
        if own := ips.get(node.name):
            desired = desire(run, node, own)
            changes = change(node.subject, desired, token=token, head_restarts=restarts)
            run.put(node.planned(desired, changes))
    _note(run)
    if change_of_head.start or run.options.dry_run:
        run.console.note(f"the head's state: {state}")


def _decide_state(run: Run, head: Resolved) -> HeadState:
    """Whether the head keeps its state; every host of the run gets the answer.

    :raises Stop: the hosts file wants it kept where it cannot be.
    """
    state = head_state(head.subject, run.cluster.name, head.versions.ray)
    if head.host.ray.state == gcs_store.KEPT and not state.kept:
        raise Stop(f"ray.state: kept is not possible: {state.why}", "ray.state: memory, or leave it out")
    for node in run.every(Resolved):
        run.put(replace(node, host=gcs_store.decided(node.host, state)))
    return state


def _note(run: Run) -> None:
    starting = [node for node in run.chosen(Planned) if node.change.start]
    for node in starting:
        for note in runtimes.of(node.host).start_notes(node.subject):
            run.console.note(f"{node.name}: {note}")
        if node.host.ray.spill_dir and not has_own_spill_dir(node.versions.ray):
            run.console.note(
                f"{node.name}: {NO_SPILL_DIR.format(node.versions.ray)}: ray.spill_dir is left out"
            )
    if note := multi_node_note([node.subject for node in starting], len(run.cluster.hosts)):
        run.console.note(note)
