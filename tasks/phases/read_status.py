"""Read the cluster's status: Ray's own node table, without a task."""

from __future__ import annotations

from tasks.run.ray_table import ask_ray
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.status import node_ip
from tasks.run.step import step


@step("Ask Ray")
def read_status(run: Run) -> None:
    """Hosts that don't answer appear in the table with their problem; they raise no exception."""
    head = run.head()
    if not isinstance(head, Known) or run.failure(head):
        return
    run.learned.head_address = head.state.get("head", "")
    if not head.state or not head.facts.active:
        return
    ask_ray(run, tasks=False, patience=0.0)
    alive = [entry for entry in run.learned.table if entry["alive"]]
    by_ip = {entry["node_ip"]: entry for entry in alive}
    by_name = {entry["name"]: entry for entry in alive}
    for node in run.every():
        entry = by_ip.get(node_ip(run, node) or "")
        if entry is None and not isinstance(node, Known):
            # its address may differ from the one in the hosts file, but Ray gives a node its host's name
            entry = by_name.get(node.name)
        if entry is not None:
            run.learned.ray_nodes[node.name] = entry
