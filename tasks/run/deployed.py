"""What the head remembers of deployed hosts: read with its facts, and written when the lock is released."""

from __future__ import annotations

from tasks.node.homes import host_id
from tasks.plan.deployed import Deployed, deployed, left, merged, parse, text_of
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Planned


def remembered(run: Run) -> list[Deployed]:
    """What the head remembers; nothing while it was not asked."""
    head = run.head()
    return [*(parse(head.facts.deployed) if isinstance(head, Known) else ()), *run.record.carried]


def gone(run: Run) -> list[Deployed]:
    """The hosts that were deployed and are not in the hosts file any more."""
    return left(remembered(run), _listed(run))


def still_runs(run: Run, one: Deployed) -> bool:
    """Whether Ray's own table has its node as alive."""
    return any(entry["alive"] and entry["node_ip"] == one.node_ip for entry in run.learned.table)


def to_write(run: Run) -> str | None:
    """The new text of the head's file, when the run ends; None if it stays as it is."""
    head = run.head()
    if not isinstance(head, Known) or "removed" in run.done(head):
        return None
    if run.record.moved:
        # the new head remembers all of it
        return ""
    if not head.state and "started" not in run.done(head):
        # no cluster: nothing may be left on a host that has nothing else
        return None
    now, off = [], [one for one in remembered(run) if one.place in run.record.forgotten]
    for node in run.every(Known):
        one = _of(node)
        if one.place in run.record.forgotten or "removed" in run.done(node):
            off.append(one)
        elif node.state or "started" in run.done(node):
            now.append(one)
        elif not run.failure(node):
            off.append(one)
    text = text_of(merged(remembered(run), now, off))
    return None if text == head.facts.deployed else text


def _listed(run: Run) -> list[Deployed]:
    known = {node.name: node for node in [*run.every(), *run.record.left_out]}
    return [_of(known.get(host.name) or Listed(host)) for host in run.cluster.hosts]


def _of(node: Listed) -> Deployed:
    if not isinstance(node, Known):
        return deployed(node.host, node.host.node_ip or "", "")
    ip = node.desired.node_ip if isinstance(node, Planned) else node.state.get("node_ip", "")
    return deployed(node.host, ip, host_id(node.facts))
