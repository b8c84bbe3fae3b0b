"""Plan: what would change on each host, and why."""

from __future__ import annotations

from tasks import runtimes
from tasks.node.addresses import head_ip, join, no_address, nobodys, worker_ip
from tasks.node.desired import Desired
from tasks.plan.changes import change
from tasks.plan.systems import multi_node_note
from tasks.run.failures import Failure, Stop
from tasks.run.run import Run
from tasks.run.stages import Planned, Resolved
from tasks.run.step import step


@step("Plan")
def plan(run: Run) -> None:
    head = run.head(Resolved)
    workers = [node for node in run.living(Resolved) if not node.is_head]
    ip = head_ip(head.subject, [node.subject for node in workers])
    without = nobodys(node.subject for node in [head, *workers])
    if ip is None:
        why, way = no_address(head.subject, without)
        raise Stop(
            f"{head.name} has no address that workers could reach{why and f': {why}'}",
            way or "set node_ip of the head",
        )
    if why := runtimes.of(head.host).address_problem(ip, head.subject):
        raise Stop(why, "set node_ip")
    run.learned.head_address = join(ip, head.host.ray.port)
    desired = _desire(run, head, ip)
    token = head.state.get("token") if desired.token else None
    change_of_head = change(head.subject, desired, token=token)
    run.put(head.planned(desired, change_of_head))
    restarts = change_of_head.start and run.may_change(head)
    for node in workers:
        if own := _address_of_worker(run, node, ip, without):
            desired = _desire(run, node, own)
            changes = change(node.subject, desired, token=token, head_restarts=restarts)
            run.put(node.planned(desired, changes))
    _refuse_same_address(run)
    _note(run)


def _desire(run: Run, node: Resolved, ip: str) -> Desired:
    runtime = runtimes.of(node.host)
    return runtime.desire(node.subject, run.cluster.name, node.versions, ip, run.learned.head_address)


def _address_of_worker(run: Run, node: Resolved, head: str, without: frozenset[str]) -> str | None:
    """The address under which a worker joins; marks a worker without one as failed."""
    own, way = worker_ip(node.subject, head, without), ""
    if own is None:
        why, way = no_address(node.subject, without)
        why = why or f"has no address in a network with the head ({head})"
    else:
        why = runtimes.of(node.host).address_problem(own, node.subject)
    if why:
        run.fail(node, Failure(why, way or "set node_ip"))
    return None if why else own


def _refuse_same_address(run: Run) -> None:
    seen: dict[str, Planned] = {}
    for node in run.living(Planned):
        other = seen.setdefault(node.desired.node_ip, node)
        if other != node:
            why = f"has the same address as {other.name}: {node.desired.node_ip}"
            run.fail(node, Failure(why, "list each machine once, or set node_ip"))


def _note(run: Run) -> None:
    starting = [node for node in run.chosen(Planned) if node.change.start]
    for node in starting:
        for note in runtimes.of(node.host).start_notes(node.subject):
            run.console.note(f"{node.name}: {note}")
    if note := multi_node_note([node.subject for node in starting], len(run.cluster.hosts)):
        run.console.note(note)
