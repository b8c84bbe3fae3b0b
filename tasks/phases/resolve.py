"""Resolve versions: once for the cluster, the same Ray and the same full Python on all hosts."""

from __future__ import annotations

from collections.abc import Sequence

from tasks import runtimes
from tasks.node.subject import Finding
from tasks.plan.versions import agree
from tasks.run.failures import Failure, Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Resolved
from tasks.run.step import step


@step("Resolve versions")
def resolve(run: Run) -> None:
    head = run.head().host
    run.learned.request = runtimes.steps_of(head).request_of(head)
    settled: list[Resolved] = []
    findings: list[Finding] = []
    for name, nodes in runtimes.grouped(run.living(Known)).items():
        resolved, found = runtimes.steps_by_name(name).resolve(run, nodes, settled)
        if len(resolved) < len(nodes):
            _stop_at(run, found)
        settled += resolved
        findings += found
    for node in settled:
        run.put(node)
    versions = {node.name: (node.versions.ray, node.versions.python) for node in run.living(Resolved)}
    _stop_at(run, agree({name: both for name, both in versions.items() if both[0]}) + findings)


def _stop_at(run: Run, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    by_name = {node.name: node for node in run.every()}
    for finding in findings:
        run.fail(by_name[finding.name], Failure(finding.message, finding.hint))
    raise Stop("the hosts cannot all run the same versions; nothing was started", findings[0].hint)
