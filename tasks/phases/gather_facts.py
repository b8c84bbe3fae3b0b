"""Gather facts: one script and one answer for each host. On the head the same script can take the lock first.

The lock and the facts of the head are one script, so that a host that is up to date costs at most three exec
channels: the lock with the facts, the question to Ray, and the release of the lock.
"""

from __future__ import annotations

import time
from dataclasses import replace

from tasks.node import homes
from tasks.node.facts import Facts
from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Reached
from tasks.run.step import step
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.ssh import Answer

TIMEOUT = 60.0
AGAIN = 5.0  # seconds between two tries to take the lock


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
        began = time.monotonic()
        while "held" in answer.values and (passed := time.monotonic() - began) < run.options.lock_wait:
            waited.append(node.name)
            board.step(node.name, f"locked by {answer.values['held']}: waiting, {passed:.0f} s")
            time.sleep(min(AGAIN, run.options.lock_wait - passed))
            answer = run.ask(node, script, timeout=TIMEOUT)
        return answer, parse_facts(node.host, answer.all, answer.texts)

    waited: list[str] = []
    nodes = run.living(Reached)
    answers = dict(run.each("Gather facts", nodes, one))
    if waited and "held" not in next((a.values for node, (a, _) in answers.items() if node.is_head), ()):
        # the run that has ended has changed these
        answers |= run.each("Gather facts again", [node for node in nodes if not node.is_head], one)
    for node, (answer, facts) in answers.items():
        if "stale" in answer.values:
            run.record.cut_off = answer.values["stale"]
            run.console.note(f"took over the lock of a run that has died: {run.record.cut_off}")
        if "held" in answer.values:
            raise Stop(
                f"the cluster is locked by {answer.values['held']}", "wait until that run has ended", code=3
            )
        run.record.locked = run.record.locked or "locked" in answer.values
        run.record.has_locked = run.record.has_locked or run.record.locked
        run.put(node.known(facts, _lock_text(answer)))
    if lock:
        _settle(run)


def _lock_text(answer: Answer) -> str:
    return "\n".join(answer.texts.get("requirements", ()))


def _settle(run: Run) -> None:
    """Gives hosts of one home folders of their own, once; the head keeps what is there."""
    nodes = {node.name: node for node in run.living(Known)}
    groups = homes.crowded({name: node.facts for name, node in nodes.items()})
    first: dict[str, str] = {}
    for names in groups:
        head = next((name for name in names if nodes[name].is_head), None)
        first |= {name: homes.host_id(nodes[head].facts) if head else "" for name in names if name != head}

    def one(node: Known, board: Board) -> tuple[Answer, Facts]:
        settle = (first[node.name], run.options.holder)
        script = facts_script(node.host, run.cluster.name, sudo_password=node.sudo, settle=settle)
        answer = run.ask(node, script, board, timeout=TIMEOUT)
        return answer, parse_facts(node.host, answer.all, answer.texts)

    crowd = [node for name, node in nodes.items() if name in first]
    for node, (answer, facts) in run.each("Look at the shared home folder", crowd, one).items():
        nodes[node.name] = replace(node, facts=facts, lock_text=_lock_text(answer))
    for names in groups:
        here = frozenset().union(*(nodes[name].facts.home_hosts for name in names))
        for node in (nodes[name] for name in names):
            # each was asked before others had come
            if homes.host_id(node.facts) in here:
                run.put(replace(node, facts=replace(node.facts, home_hosts=here)))
