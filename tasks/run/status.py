"""The cluster's state, compared with the hosts file, as data for ``fab status --json``."""

from __future__ import annotations

import ipaddress
from typing import Any

from tasks import runtimes
from tasks.inventory import Host
from tasks.node.addresses import head_ip, join, nobodys, worker_ip
from tasks.plan.changed_address import old_address
from tasks.plan.members import strangers
from tasks.report.verdict import MOVED, NOT_DEPLOYED, RESTLESS, STOPPED, YOUNG
from tasks.run.head_state import head_state
from tasks.run.ray_table import members
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
        return _future_ip(run, node, head) if isinstance(head, Known) else _literal(node.host)
    entry = run.learned.ray_nodes.get(node.name)
    return entry["node_ip"] if entry else node.host.node_ip or _literal(node.host)


def _future_ip(run: Run, node: Known, head: Known) -> str | None:
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


def as_json(run: Run) -> dict[str, Any]:
    """The object of ``fab status --json``; ``healthy`` only if the hosts file and Ray's table agree."""
    nodes = [_host(run, host) for host in run.cluster.hosts]
    nodes += map(_stranger, strangers(run.learned.table, members(run), run.learned.ray_nodes))
    head = run.head()
    host, port = head.host.ray.dashboard_host, head.host.ray.dashboard_port
    ip = node_ip(run, head)
    reachable = ip if host in ("0.0.0.0", "::") and ip else host
    return {
        "cluster": run.cluster.name,
        "healthy": all(n["alive"] and n["problem"] is None for n in nodes),
        "ray": run.learned.versions.get("ray"),
        "python": run.learned.versions.get("python"),
        "address": run.learned.head_address or (join(ip, head.host.ray.port) if ip else None),
        "dashboard": f"http://{join(reachable, port)}",
        "head_state": head_state(head),
        "nodes": nodes,
    }


def _host(run: Run, host: Host) -> dict[str, Any]:
    """The entry of a host in the hosts file; if this run left the host out, it comes from Ray's table alone."""
    node = next((n for n in [*run.every(), *run.record.left_out] if n.name == host.name), None)
    if node is not None:
        return _node(run, node, run.learned.ray_nodes.get(host.name))
    table, versions = run.learned.table, run.learned.versions
    entry = run.learned.ray_nodes.get(host.name)
    out = _node(run, Listed(host), entry)
    if out["alive"]:
        return {
            **out,
            "node_ip": entry["node_ip"],
            "ray": versions.get("ray"),
            "python": versions.get("python"),
        }
    return {**out, "problem": "not in Ray's node table" if table else "the head does not answer"}


def _node(run: Run, node: Listed, entry: dict[str, Any] | None) -> dict[str, Any]:
    state = node.state if isinstance(node, Known) else {}
    alive = bool(entry and entry["alive"]) and _there(node)
    resources = entry["resources"] if alive else {}
    ray, python = state.get("ray"), state.get("python")
    if isinstance(node, Planned) and alive:
        ray, python = node.versions.ray, node.versions.python
    return {
        "host": node.host.host,
        "name": node.name,
        "role": node.host.role,
        "node_ip": node_ip(run, node),
        "alive": alive,
        "runtime": node.host.runtime,
        "ray": ray or None,
        "python": python or None,
        "cpus": _count(resources.get("CPU", 0)) if alive else None,
        "gpus": _count(resources.get("GPU", 0)) if alive else None,
        "problem": _problem(run, node, alive, entry),
    }


def _there(node: Listed) -> bool:
    """Whether what was read from the host allows that its node is alive, whatever Ray's table says."""
    if isinstance(node, Planned) or not isinstance(node, Known):
        # the node has just run a task, or nothing was read from the host
        return True
    there = bool(node.state) and node.facts.active and not old_address(node.subject)
    return there and runtimes.of(node.host).life(node.facts).raylet is not False


def _count(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _problem(run: Run, node: Listed, alive: bool, entry: dict[str, Any] | None) -> str | None:
    if failure := run.failure(node):
        return failure.message
    if alive:
        if isinstance(node, Known) and node.facts.lost:
            return f"runs no tasks: files were removed from {node.facts.lost}"
        return (isinstance(node, Known) and _unsteady(node, entry)) or _resources(
            node.host, entry["resources"]
        )
    if not isinstance(node, Known):
        return "not reached"
    if not node.state:
        return NOT_DEPLOYED
    if not node.facts.active:
        # a node that its supervisor is about to restart, or whose state is unclear, is not stopped
        known = node.facts.supervisor in ("inactive", "failed") and not runtimes.of(node.host).unclear(
            node.facts
        )
        return STOPPED if known else "Ray isn't running here"
    if (old := old_address(node.subject)) and not isinstance(node, Planned):
        head = run.head()
        return MOVED.format(old, (isinstance(head, Known) and _future_ip(run, node, head)) or "unknown")
    if not run.learned.table:
        head = run.head()
        moved = isinstance(head, Known) and old_address(head.subject)
        return "the head's address has changed" if moved else "the head does not answer"
    if runtimes.of(node.host).life(node.facts).raylet is False:
        return "its service runs, but Ray's raylet does not"
    return _unsteady(node, entry) or "runs, but is not in Ray's node table"


def _unsteady(node: Known, entry: dict[str, Any] | None) -> str | None:
    """Why a node that Ray counts as alive is not called healthy: it keeps starting, or has just started.

    A node that has run a task since it started is reached by the head, whatever its age.
    """
    life = runtimes.of(node.host).life(node.facts)
    if isinstance(node, Planned) or (entry and "task" in entry and not life.restless):
        return None
    ago = "" if life.age is None else f", the last one {life.age} s ago"
    if life.restless:
        return f"{RESTLESS}: {life.starts} starts within an hour{ago}"
    if entry and life.young:
        why = entry.get("task_error", "no answer in time")
        return f"started {life.age} s ago and {YOUNG}: {why}"
    return None


def _resources(host: Host, resources: dict[str, float]) -> str | None:
    for what, wanted in (("CPU", host.cpus), ("GPU", host.gpus)):
        if wanted is not None and resources.get(what, 0) != wanted:
            return f"Ray counts {_count(resources.get(what, 0))} {what}s, the file says {wanted}"
    return None


def _stranger(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry of a node that is in Ray's table but not in the hosts file."""
    resources = entry["resources"]
    return {
        "host": entry["node_ip"],
        "name": entry["name"] or entry["node_ip"],
        "role": "worker",
        "node_ip": entry["node_ip"],
        "alive": True,
        "runtime": None,
        "ray": None,
        "python": None,
        "cpus": _count(resources.get("CPU", 0)),
        "gpus": _count(resources.get("GPU", 0)),
        "problem": "in Ray's node table, but not in the hosts file",
    }
