"""The truth about the cluster, set against the file: Ray's own node table, in the contract's shape."""

from __future__ import annotations

import ipaddress
from typing import Any

from tasks import runtimes
from tasks.inventory import Host
from tasks.node.addresses import head_ip, join, worker_ip
from tasks.phases import verify
from tasks.run.run import Node, Run

title = "Status"
PATIENCE = 5.0
NOT_DEPLOYED, STOPPED = "not deployed", "stopped"


def run(run: Run) -> None:
    """Asks Ray, without a task; what cannot be asked is a problem in the table, never an exception."""
    head = run.head
    if head.failure is not None or head.facts is None:
        return
    state = head.subject.state
    run.head_address = state.get("head", "")
    if not state or not head.facts.active:
        return
    verify.ask_ray(run, tasks=False, patience=0.0)
    by_ip = {e["node_ip"]: e for e in run.table if e["alive"]}
    by_name = {e["name"]: e for e in run.table if e["alive"]}
    for node in run.nodes:
        node.ray_node = by_ip.get(node_ip(run, node) or "")
        if node.ray_node is None and node.facts is None:
            # not reached, so its address may be another one; a node bears its host's name
            node.ray_node = by_name.get(node.name)


def node_ip(run: Run, node: Node) -> str | None:
    """The address under which Ray knows this host: as planned, as it was left there, or as it would be."""
    if node.desired is not None:
        return node.desired.node_ip
    if node.facts is not None and node.subject.state.get("node_ip"):
        return node.subject.state["node_ip"]
    if node.facts is None and node.ray_node:
        return node.ray_node["node_ip"]
    if node.host.node_ip:
        return node.host.node_ip
    if node.facts is not None and run.head.facts is not None:
        if node.is_head:
            return head_ip(node.subject, [n.subject for n in run.workers if n.facts])
        head = run.head.subject.state.get("node_ip") or head_ip(run.head.subject, [])
        return worker_ip(node.subject, head) if head else None
    try:
        return str(ipaddress.ip_address(node.host.host))
    except ValueError:
        return None


def as_json(run: Run) -> dict[str, Any]:
    """The shape of ``fab status --json``; ``healthy`` only if the file and Ray's table agree."""
    nodes = [_host(run, host) for host in run.cluster.hosts]
    known = {entry["node_ip"] for entry in nodes} | {h.host for h in run.cluster.hosts}
    names = {
        h.name for h in run.cluster.hosts
    }  # a node bears its host's name; a run may be for a few hosts only
    strangers = [e for e in run.table if e["alive"] and e["node_ip"] not in known and e["name"] not in names]
    for entry in strangers:
        nodes.append(_stranger(entry))
    head = run.head
    host, port = head.host.ray.dashboard_host, head.host.ray.dashboard_port
    ip = node_ip(run, head)
    reachable = ip if host in ("0.0.0.0", "::") and ip else host
    return {
        "cluster": run.cluster.name,
        "healthy": all(n["alive"] and n["problem"] is None for n in nodes),
        "ray": run.runtime.get("ray"),
        "python": run.runtime.get("python"),
        "address": run.head_address or (join(ip, head.host.ray.port) if ip else None),
        "dashboard": f"http://{join(reachable, port)}",
        "nodes": nodes,
    }


def _host(run: Run, host: Host) -> dict[str, Any]:
    """A host of the file, whether this run is connected to it or not; then only Ray's own table tells of it."""
    node = next((n for n in [*run.nodes, *run.left_out] if n.name == host.name), None)
    if node is not None:
        return _node(run, node)
    node = Node(host)
    node.ray_node = next((e for e in run.table if e["alive"] and e["name"] == host.name), None)
    out = _node(run, node)
    if out["alive"]:
        return {**out, "ray": run.runtime.get("ray"), "python": run.runtime.get("python")}
    return {**out, "problem": "not in Ray's node table" if run.table else "the head does not answer"}


def _node(run: Run, node: Node) -> dict[str, Any]:
    state = node.subject.state if node.facts is not None else {}
    entry = node.ray_node
    alive = bool(entry and entry["alive"])
    resources = entry["resources"] if alive else {}
    desired = node.desired.versions if node.desired is not None else None
    return {
        "host": node.host.host,
        "name": node.name,
        "role": node.host.role,
        "node_ip": node_ip(run, node),
        "alive": alive,
        "runtime": node.host.runtime,
        "ray": (desired.ray if desired and alive else state.get("ray")) or None,
        "python": (desired.python if desired and alive else state.get("python")) or None,
        "cpus": _count(resources.get("CPU", 0)) if alive else None,
        "gpus": _count(resources.get("GPU", 0)) if alive else None,
        "problem": _problem(run, node, alive, resources),
    }


def _count(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _problem(run: Run, node: Node, alive: bool, resources: dict[str, float]) -> str | None:
    if node.failure is not None:
        return node.failure.message
    if alive:
        for what, wanted in (("CPU", node.host.cpus), ("GPU", node.host.gpus)):
            if wanted is not None and resources.get(what, 0) != wanted:
                return f"Ray counts {_count(resources.get(what, 0))} {what}s, the file says {wanted}"
        return None
    if node.facts is None:
        return "not reached"
    if not node.subject.state:
        return NOT_DEPLOYED
    if not node.facts.active:
        # what its supervisor is about to start again, or cannot tell of, is not stopped
        clear = not runtimes.of(node.host).unclear(node.facts)
        known = node.facts.supervisor in ("inactive", "failed") and clear
        return STOPPED if known else "Ray isn't running here"
    return "runs, but is not in Ray's node table" if run.table else "the head does not answer"


def _stranger(entry: dict[str, Any]) -> dict[str, Any]:
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
