"""The cluster's state, compared with the hosts file, as data for ``fab status --json``."""

from __future__ import annotations

from typing import Any

from tasks import runtimes
from tasks.inventory import Host
from tasks.node.addresses import join
from tasks.plan.changed_address import old_address
from tasks.plan.members import strangers
from tasks.run.head_state import head_state
from tasks.run.node_address import node_ip
from tasks.run.node_state import UNKNOWN, count, judge, life_of, since
from tasks.run.ray_table import members
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Planned

VERSION = 1


def as_json(run: Run) -> dict[str, Any]:
    """The object of ``fab status --json``; ``healthy`` only if the hosts file and Ray's table agree."""
    nodes = [_host(run, host) for host in run.cluster.hosts]
    nodes += map(_stranger, strangers(run.learned.table, members(run), run.learned.ray_nodes))
    head = run.head()
    host, port = head.host.ray.dashboard_host, head.host.ray.dashboard_port
    ip = node_ip(run, head)
    reachable = ip if host in ("0.0.0.0", "::") and ip else host
    return {
        "version": VERSION,
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
    problem = "not in Ray's node table" if table else "the head does not answer"
    return {**out, "problem": problem, "state": UNKNOWN}


def _node(run: Run, node: Listed, entry: dict[str, Any] | None) -> dict[str, Any]:
    state = node.state if isinstance(node, Known) else {}
    alive = bool(entry and entry["alive"]) and _there(node)
    resources = entry["resources"] if alive else {}
    ray, python = state.get("ray"), state.get("python")
    state_name, problem = judge(run, node, alive, entry)
    life = life_of(node)
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
        "cpus": count(resources.get("CPU", 0)) if alive else None,
        "gpus": count(resources.get("GPU", 0)) if alive else None,
        "problem": problem,
        "state": state_name,
        "since": since(node),
        "starts": (life.starts if life else 0) or None,
    }


def _there(node: Listed) -> bool:
    """Whether what was read from the host allows that its node is alive, whatever Ray's table says."""
    if isinstance(node, Planned) or not isinstance(node, Known):
        # the node has just run a task, or nothing was read from the host
        return True
    there = bool(node.state) and node.facts.active and not old_address(node.subject)
    return there and runtimes.of(node.host).life(node.facts).raylet is not False


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
        "cpus": count(resources.get("CPU", 0)),
        "gpus": count(resources.get("GPU", 0)),
        "problem": "in Ray's node table, but not in the hosts file",
        "state": "stranger",
        "since": None,
        "starts": None,
    }
