"""Plan: what would change on each host, and why."""

from __future__ import annotations

from tasks import runtimes
from tasks.inventory.ray_versions import NO_SPILL_DIR, has_own_spill_dir
from tasks.node.addresses import join
from tasks.plan.addresses import addresses
from tasks.plan.changes import change
from tasks.plan.systems import multi_node_note
from tasks.run.desire import desire
from tasks.run.failures import Failure, Stop
from tasks.run.run import Run
from tasks.run.stages import Planned, Resolved
from tasks.run.step import step


@step("Plan")
def plan(run: Run) -> None:
    head = run.head(Resolved)
    workers = [node for node in run.living(Resolved) if not node.is_head]
    ips, problems = addresses(head.subject, [node.subject for node in workers])
    for finding in problems:
        if finding.name == head.name:
            raise Stop(finding.message, finding.hint)
        run.fail(next(n for n in workers if n.name == finding.name), Failure(finding.message, finding.hint))
    ip = ips[head.name]
    run.learned.head_address = join(ip, head.host.ray.port)
    desired = desire(run, head, ip)
    token = head.state.get("token") if desired.token else None
    change_of_head = change(head.subject, desired, token=token)
    run.put(head.planned(desired, change_of_head))
    restarts = change_of_head.start and run.may_change(head)
    for node in workers:
        if own := ips.get(node.name):
            desired = desire(run, node, own)
            changes = change(node.subject, desired, token=token, head_restarts=restarts)
            run.put(node.planned(desired, changes))
    _note(run)


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
