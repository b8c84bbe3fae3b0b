"""What is wrong with a cluster that is not healthy, in a line, and the command that helps."""

from __future__ import annotations

from typing import Any

from tasks.phases.status import NOT_DEPLOYED, STOPPED
from tasks.report import handover
from tasks.run.run import Run


def unhealthy(run: Run, said: dict[str, Any]) -> tuple[str, str]:
    """The line and its way out. :param said: the shape of ``fab status --json``."""
    name, reached = run.cluster.name, {n.name for n in run.nodes if n.facts is not None}
    listed = said["nodes"][: len(run.cluster.hosts)]
    bad = [n for n in listed if not n["alive"] or n["problem"]]
    problems = {n["problem"] for n in bad}
    away = [n["name"] for n in bad if n["name"] not in reached]
    count = f"{len(bad)} of {handover.hosts(len(listed))}"
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
        return f"{name} is not complete: {count} stopped", "fab start starts what is stopped"
    if not bad:
        strangers = [n["name"] for n in said["nodes"][len(listed) :]]
        return (
            f"{name} has nodes that the hosts file does not list: {handover.names(strangers)}",
            "stop Ray there, or add them to the hosts file",
        )
    if away:
        hint = "fab check says why"
        rest = "; fab deploy-cluster repairs the others" if len(away) < len(bad) else ""
        return f"{name} is not healthy: unreachable: {handover.names(away)}", hint + rest
    return (
        f"{name} is not healthy: {count} with a problem",
        "fab deploy-cluster repairs it; fab logs says why",
    )
