"""Read the cluster's status: Ray's own node table, and a task only on nodes that have just started."""

from __future__ import annotations

from tasks import runtimes
from tasks.plan.changed_address import old_address
from tasks.run.ray_table import ask_ray, members
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step

PATIENCE = 10.0  # seconds within which a node that has just started must run a task
ANSWER = 5.0  # seconds within which the GCS must answer


@step("Ask Ray")
def read_status(run: Run) -> None:
    """Hosts that don't answer appear in the table with their problem; they raise no exception.

    For a minute Ray counts a node as alive that the head cannot reach. So a node that is younger must run a task,
    unless one has run there since it started: after a deploy, one has.
    """
    head = run.head()
    if not isinstance(head, Known) or run.failure(head):
        return
    run.learned.head_address = head.state.get("head", "")
    if not head.state or not head.facts.active or old_address(head.subject):
        return
    young = {node.name for node in run.every(Known) if _young(node)}
    expect = [member for member in members(run) if member.host in young]
    ask_ray(run, tasks=False, patience=PATIENCE, expect=expect, answer=ANSWER)


def _young(node: Known) -> bool:
    return bool(node.state and node.facts.active and runtimes.of(node.host).life(node.facts).young)
