"""What is wrong with a cluster that is not healthy, in a line, and the command that helps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tasks.report import handover
from tasks.text.quoting import printed

NOT_DEPLOYED, STOPPED = "not deployed", "stopped"
MAINTENANCE, DRAINED = "in maintenance", "drained"
HANGS = "the head's GCS does not answer"
MOVED = "its address was {} and is {} now"
YOUNG = "could not run a task yet"
RESTLESS = "does not stay up"
DOWN = "stays down"
APART = "cannot reach"


def unhealthy(status: dict[str, Any], count: int, reached: Collection[str]) -> tuple[str, str]:
    """The error line and its fix.

    :param status: the shape of ``fab status --json``.
    :param count: how many hosts the hosts file lists; they come first in ``nodes``.
    :param reached: names of the hosts that have answered.
    """
    name, listed = status["cluster"], status["nodes"][:count]
    bad = [n for n in listed if not n["alive"] or n["problem"]]
    problems = {n["problem"] for n in bad}
    away = [n["name"] for n in bad if n["name"] not in reached]
    some = f"{len(bad)} of {handover.hosts(len(listed))}"
    if len(bad) == len(listed) and problems == {NOT_DEPLOYED}:
        return f"nothing of {name} is deployed", "fab deploy-cluster installs and starts it"
    if len(bad) == len(listed) and problems == {STOPPED, NOT_DEPLOYED}:
        bare = [n["name"] for n in bad if n["problem"] == NOT_DEPLOYED]
        return (
            f"{name} is stopped, and not deployed on {handover.names(bare)}",
            "fab start starts what is deployed; fab deploy-cluster also deploys the rest",
        )
    if problems == {STOPPED}:
        if len(bad) == len(listed):
            return f"{name} is stopped", "fab start starts it again"
        return f"{name} is not complete: {some} stopped", "fab start starts what is stopped"
    if bad and all(str(n["problem"]).startswith(MAINTENANCE) for n in bad):
        hint = f"fab maintenance off --host {printed(','.join(n['name'] for n in bad))} ends it"
        return f"{name} is not complete: {some} in maintenance", hint
    if bad and all(str(n["problem"]).startswith(DRAINED) for n in bad):
        return f"{name} is not complete: {some} drained", "fab start starts what is drained"
    if not bad:
        strangers = [n["name"] for n in status["nodes"][count:]]
        return (
            f"{name} has nodes that the hosts file does not list: {handover.names(strangers)}",
            "stop Ray there, or add them to the hosts file",
        )
    if away:
        hint = "fab check says why"
        rest = "; fab deploy-cluster repairs the others" if len(away) < len(bad) else ""
        return f"{name} is not healthy: unreachable: {handover.names(away)}", hint + rest
    return f"{name} is not healthy: {some} with a problem", _repair(bad)


def _repair(bad: Sequence[dict[str, Any]]) -> str:
    """The command that repairs hosts with a problem."""
    by_problem = [(str(node["problem"]), node["name"]) for node in bad]
    if hanging := [name for problem, name in by_problem if problem == HANGS]:
        return f"fab logs --host {hanging[0]} --component gcs says why; fab restart starts every node again"
    if any(problem.startswith(MOVED.partition("{")[0]) for problem, _ in by_problem):
        return "fab deploy-cluster starts the nodes again with the new address"
    if any(problem.startswith(DOWN) for problem, _ in by_problem):
        return "fab check looks for the reason; fab deploy-cluster starts it again"
    if apart := [name for problem, name in by_problem if problem.startswith(APART)]:
        hint = f"{handover.names(apart)} will join once the head can be reached"
        return f"fab check tries the ports between the hosts; {hint}"
    if restless := [name for problem, name in by_problem if RESTLESS in problem or YOUNG in problem]:
        return f"fab check tries the ports between the hosts; fab logs --host {restless[0]} says why"
    return "fab deploy-cluster repairs it; fab logs says why"
