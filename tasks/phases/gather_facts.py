"""Gather facts: one script and one answer for each host. On the head the same script can take the lock first.

The lock and the facts of the head are one script, so that a host that is up to date costs at most three exec
channels: the lock with the facts, the question to Ray, and the release of the lock.
"""

from __future__ import annotations

from tasks.node.facts import Facts
from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import step
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.ssh import Answer

TIMEOUT = 60.0


@step("Gather facts")
def gather_facts(run: Run) -> None:
    _gather(run, lock=False)


@step("Lock the cluster, and gather facts", changes=True, locks=True, dry_run=gather_facts)
def lock_and_gather_facts(run: Run) -> None:
    """The lock is held until the run or its connection to the head ends."""
    _gather(run, lock=True)


def _gather(run: Run, *, lock: bool) -> None:
    def one(node: Reached, board: Board) -> tuple[Answer, Facts]:
        holder = run.options.holder if lock and node.is_head else None
        script = facts_script(node.host, run.cluster.name, sudo_password=node.sudo, holder=holder)
        answer = run.ask(node, script, board, timeout=TIMEOUT)
        return answer, parse_facts(node.host, answer.all, answer.texts)

    answers = run.each("Gather facts", run.living(Reached), one)
    for node, (answer, facts) in answers.items():
        if "stale" in answer.values:
            run.console.note(f"took over the lock of a run that has died: {answer.values['stale']}")
        if "held" in answer.values:
            raise Stop(
                f"the cluster is locked by {answer.values['held']}", "wait until that run has ended", code=3
            )
        run.record.locked = run.record.locked or "locked" in answer.values
        lock_text = "\n".join(answer.texts.get("requirements", ()))
        run.put(node.known(facts, lock_text))
