"""Validate hosts: compare their facts with the hosts file. Reports every problem of every host, with its fix."""

from __future__ import annotations

from tasks.plan.addresses import addresses
from tasks.plan.problems import cluster_problems, host_problems
from tasks.run.failures import Failure, Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step


@step("Validate hosts")
def validate(run: Run) -> None:
    findings = [f for node in run.chosen(Known) for f in host_problems(node.subject, run.cluster.name)]
    findings += cluster_problems([node.subject for node in run.living(Known)])
    bad = {finding.name for finding in findings if not finding.note}
    sound = [node for node in run.living(Known) if node.name not in bad]
    if head := next((node for node in sound if node.is_head), None):
        findings += addresses(head.subject, [node.subject for node in sound if not node.is_head])[1]
    by_name = {node.name: node for node in run.every()}
    for finding in findings:
        if finding.note:
            run.record.notes.append(finding)
            run.console.note(f"{finding.name}: {finding.message}; {finding.hint}")
            continue
        run.console.bad(f"{finding.name}: {finding.message}", finding.hint)
        run.fail(by_name[finding.name], Failure(finding.message, finding.hint))
    if failure := run.failure(run.head()):
        raise Stop("nothing was changed: the head has a problem", failure.hint)
    if not run.chosen():
        raise Stop("nothing was changed: no host is left to work on", "correct what is named above")
