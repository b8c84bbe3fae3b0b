"""Resolve versions: once for the cluster, the same Ray and the same full Python on all hosts."""

from __future__ import annotations

from tasks import runtimes
from tasks.node.subject import Finding
from tasks.plan.versions import agree
from tasks.run.run import Failure, Node, Run, Stop

title = "Resolve versions"


def run(run: Run) -> None:
    run.request = runtimes.steps_of(run.head.host).request_of(run.head.host)
    nodes = [n for n in run.living if n.facts is not None]
    found: list[Finding] = []
    settled: list[Node] = []
    for name, own in runtimes.grouped(nodes).items():
        new = runtimes.steps_by_name(name).resolve(run, own, settled)
        if any(n.versions is None for n in own):
            _stop_at(run, new)
            return
        found += new
        settled += own
    versions = {n.name: (n.versions.ray, n.versions.python) for n in nodes if n.versions and n.versions.ray}
    _stop_at(run, agree(versions) + found)


def _stop_at(run: Run, findings: list[Finding]) -> None:
    if not findings:
        return
    by_name = {n.name: n for n in run.nodes}
    for finding in findings:
        run.fail(by_name[finding.name], Failure(finding.message, finding.hint))
    raise Stop("the hosts cannot all run the same versions; nothing was started", findings[0].hint)
