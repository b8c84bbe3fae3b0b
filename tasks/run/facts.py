"""Gather facts: one read-only script a host, one structured answer. On the head it may take the lock first."""

from __future__ import annotations

from tasks.node.facts import Facts
from tasks.report.console import Board
from tasks.run.run import Node, Run, Stop
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.ssh import Answer

title = "Gather facts"
TIMEOUT = 60.0


def run(run: Run) -> None:
    def one(node: Node, board: Board) -> tuple[Answer, Facts]:
        holder = run.holder if run.changing and node.is_head and not run.locked else None
        script = facts_script(node.host, run.cluster.name, sudo_password=node.sudo, holder=holder)
        answer = run.ask(node, script, board, timeout=TIMEOUT)
        return answer, parse_facts(node.host, answer.all, answer.texts)

    answers = run.each(title, run.living, one)
    for node, (answer, found) in answers.items():
        if "stale" in answer.values:
            run.console.note(f"took over the lock of a run that has died: {answer.values['stale']}")
        if "held" in answer.values:
            raise Stop(
                f"the cluster is locked by {answer.values['held']}", "wait until that run has ended", code=3
            )
        run.locked = run.locked or "locked" in answer.values
        node.facts = found
        node.lock_text = "\n".join(answer.texts.get("requirements", ()))
        node.image_versions = in_image(answer)
    if run.head.failure is not None and (run.changing or run.dry_run):
        if not run.needs_head:
            run.console.note(
                "the head is unreachable, so this cluster is not locked: make sure that nobody else is changing it"
            )
            return
        raise Stop("the head is needed for everything else, and it failed", run.head.failure.hint)


def in_image(answer: Answer) -> tuple[str, str, str] | None:
    """Ray, Python and ``uid:gid`` of the image, if it was asked for them."""
    said = answer.values.get("image_versions", "").split()
    return (said[0], said[1], said[2]) if len(said) == 3 else None
