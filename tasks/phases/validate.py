"""Validate hosts: facts against intent. Every problem of every host is said at once, with its way out."""

from __future__ import annotations

from tasks.plan.problems import cluster_problems, host_problems
from tasks.run.run import Failure, Run, Stop

title = "Validate hosts"


def run(run: Run) -> None:
    subjects = [n.subject for n in run.living if n.facts is not None]
    findings = [f for n in run.chosen if n.facts for f in host_problems(n.subject, run.cluster.name)]
    findings += cluster_problems(subjects)
    by_name = {n.name: n for n in run.nodes}
    for finding in findings:
        if finding.note:
            run.console.note(f"{finding.name}: {finding.message}; {finding.hint}")
            continue
        run.console.bad(f"{finding.name}: {finding.message}", finding.hint)
        run.fail(by_name[finding.name], Failure(finding.message, finding.hint))
    if run.head.failure is not None:
        raise Stop("nothing was changed: the head has a problem", run.head.failure.hint)
    if not run.chosen:
        raise Stop("nothing was changed: no host is left to work on")
