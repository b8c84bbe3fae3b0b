"""The address under which Ray knows a host's node."""

from __future__ import annotations

import ipaddress

from tasks.inventory import Host
from tasks.node.addresses import head_ip, nobodys, worker_ip
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Planned


def node_ip(run: Run, node: Listed) -> str | None:
    """The address under which Ray knows this host: planned, in use, or as a deploy would choose it."""
    if isinstance(node, Planned):
        return node.desired.node_ip
    head = run.head()
    if isinstance(node, Known):
        if known := node.state.get("node_ip") or node.host.node_ip:
            return known
        return future_ip(run, node, head) if isinstance(head, Known) else _literal(node.host)
    entry = run.learned.ray_nodes.get(node.name)
    return entry["node_ip"] if entry else node.host.node_ip or _literal(node.host)


def future_ip(run: Run, node: Known, head: Known) -> str | None:
    """The address that a deploy would choose."""
    if node.is_head:
        return head_ip(node.subject, [worker.subject for worker in run.workers(Known)])
    address = head.state.get("node_ip") or head_ip(head.subject, [w.subject for w in run.workers(Known)])
    return worker_ip(node.subject, address, nobodys(n.subject for n in run.every(Known))) if address else None


def _literal(host: Host) -> str | None:
    """The host's address in the hosts file, if it is one and not a name."""
    try:
        return str(ipaddress.ip_address(host.host))
    except ValueError:
        return None
