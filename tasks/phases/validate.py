"""Validate hosts: compare their facts with the hosts file. Reports every problem of every host, with its fix."""

from __future__ import annotations

from tasks.plan.problems import cluster_problems, host_problems
from tasks.run.failures import Failure, Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step


@step("Validate hosts")
def validate(run: Run) -> None:
    findings = [f for node in run.chosen(Known) for f in host_problems(node.subject, run.cluster.name)]
    findings += cluster_problems([node.subject for node in run.living(Known)])
    by_name = {node.name: node for node in run.every()}
    for finding in findings:
        if finding.note:
            run.console.note(f"{finding.name}: {finding.message}; {finding.hint}")
            continue
        run.console.bad(f"{finding.name}: {finding.message}", finding.hint)
        run.fail(by_name[finding.name], Failure(finding.message, finding.hint))
    if failure := run.failure(run.head()):
        raise Stop("nothing was changed: the head has a problem", failure.hint)
    if not run.chosen():
        raise Stop("nothing was changed: no host is left to work on", "correct what is named above")
