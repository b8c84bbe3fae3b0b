"""What is the matter with the node of one host: a word for programs, and a sentence for people."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from tasks import runtimes
from tasks.inventory import Host
from tasks.node.life import Life
from tasks.plan.changed_address import old_address
from tasks.report.verdict import APART, DOWN, MOVED, NOT_DEPLOYED, RESTLESS, STOPPED, YOUNG
from tasks.run.node_address import future_ip
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Planned, Reached

# the words of "state"; others: see _judge_known
RUNNING, STARTING, UNKNOWN, DIFFERS = "running", "starting", "unknown", "differs"
PARTITIONED, FLAPPING, ZOMBIE = "partitioned", "flapping", "zombie"
Judged = tuple[str, "str | None"]


def life_of(node: Listed) -> Life | None:
    """The life of a node as its host has told it; None if it has not, or if this run has started it since."""
    there = isinstance(node, Known) and not isinstance(node, Planned) and node.state and node.facts.active
    return runtimes.of(node.host).life(node.facts) if there and isinstance(node, Known) else None


def since(node: Listed) -> str | None:
    """When the node's raylet started, as ``2026-01-02T03:04:05Z`` by the host's clock; None if unknown."""
    life = life_of(node)
    if life is None or life.age is None or life.clock is None:
        return None
    return datetime.fromtimestamp(life.clock - life.age, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def judge(run: Run, node: Listed, alive: bool, entry: dict[str, Any] | None) -> Judged:
    """The node's state and its problem; None if there is none.

    :param alive: whether its entry in Ray's node table is alive, as far as the host allows it.
    """
    if failure := run.failure(node):
        return (UNKNOWN if isinstance(node, Reached) else "unreachable"), failure.message
    if not isinstance(node, Known):
        return (RUNNING, None) if alive else (UNKNOWN, "not reached")
    if (hold := node.facts.hold) and not isinstance(node, Planned):
        return hold.kind, str(hold)
    if not alive:
        return _judge_absent(run, node, entry)
    if node.facts.lost:
        return ZOMBIE, f"runs no tasks: files were removed from {node.facts.lost}"
    if found := _unsteady(node, entry):
        return found
    if problem := _resources(node.host, (entry or {}).get("resources", {})):
        return DIFFERS, problem
    return RUNNING, None


def _judge_absent(run: Run, node: Known, entry: dict[str, Any] | None) -> Judged:
    """A node that is not alive in Ray's table, or whose host says that it cannot be."""
    if not node.state:
        return "not-deployed", NOT_DEPLOYED
    runtime = runtimes.of(node.host)
    if not node.facts.active:
        # a node that its supervisor is about to restart, or whose state is unclear, is not stopped
        if node.facts.supervisor in ("inactive", "failed") and not runtime.unclear(node.facts):
            return "stopped", STOPPED
        # what stays down is started again by its supervisor, to stay down
        if (life := runtime.life(node.facts)).down:
            return _without_raylet(run, node, life)
        return STARTING if node.facts.supervisor == "activating" else UNKNOWN, "Ray isn't running here"
    head = run.head()
    if (old := old_address(node.subject)) and not isinstance(node, Planned):
        return "moved", MOVED.format(
            old, (isinstance(head, Known) and future_ip(run, node, head)) or "unknown"
        )
    life = runtime.life(node.facts)
    if life.raylet is False and not isinstance(node, Planned):
        return _without_raylet(run, node, life)
    if not run.learned.table:
        moved = isinstance(head, Known) and old_address(head.subject)
        return UNKNOWN, "the head's address has changed" if moved else "the head does not answer"
    if isinstance(head, Known) and (problem := _other_version(node, head)):
        return DIFFERS, problem
    if found := _unsteady(node, entry):
        return found
    return STARTING if life.young else PARTITIONED, "runs, but is not in Ray's node table"


def _without_raylet(run: Run, node: Known, life: Life) -> Judged:
    if life.down:
        return "stays-down", f"{DOWN} after {life.watched.faults} faults within an hour: {life.watched.why}"
    if life.apart is not None:
        return PARTITIONED, _apart(node, life)
    if life.starting:
        if life.restless:
            return FLAPPING, f"{RESTLESS}: {life.starts} starts within an hour; starting"
        ago = life.ago(life.watched.since)
        return STARTING, "starting" if ago is None else f"starting for {ago} s"
    return ZOMBIE, "its service runs, but Ray's raylet does not"


def _apart(node: Known, life: Life) -> str:
    return f"{APART} the head at {node.state.get('head', '')} for {life.apart} s"


def _unsteady(node: Known, entry: dict[str, Any] | None) -> Judged | None:
    """Why a node that Ray counts as alive is not called healthy: it keeps starting, or has just started.

    A node that has run a task since it started is reached by the head, whatever its age.
    """
    life = runtimes.of(node.host).life(node.facts)
    if isinstance(node, Planned):
        return None
    if life.apart is not None:
        return PARTITIONED, _apart(node, life)
    if entry and "task" in entry and not life.restless:
        return None
    ago = "" if life.age is None else f", the last one {life.age} s ago"
    if life.restless:
        return FLAPPING, f"{RESTLESS}: {life.starts} starts within an hour{ago}"
    if entry and life.young:
        why = entry.get("task_error", "no answer in time")
        return STARTING, f"started {life.age} s ago and {YOUNG}: {why}"
    return None


def _other_version(node: Known, head: Known) -> str:
    """Why the node cannot join this head: another Ray or Python; '' if it is the same."""
    for key, name in (("ray", "Ray"), ("python", "Python")):
        mine, wanted = str(node.state.get(key) or ""), str(head.state.get(key) or "")
        if mine and wanted and mine != wanted:
            return f"{name} {mine} here, {wanted} on the head"
    return ""


def _resources(host: Host, resources: dict[str, float]) -> str | None:
    for what, wanted in (("CPU", host.cpus), ("GPU", host.gpus)):
        if wanted is not None and resources.get(what, 0) != wanted:
            return f"Ray counts {count(resources.get(what, 0))} {what}s, the file says {wanted}"
    return None


def count(value: float) -> int | float:
    """The same number, as an integer where it is one."""
    return int(value) if float(value).is_integer() else value
