"""Install Docker: hosts that shall run a container and have no Docker get it, and say anew what they have."""

from __future__ import annotations

from tasks.report.console import Board
from tasks.run.facts import in_image
from tasks.run.run import Node, Run, Stop
from tasks.runtimes.docker.engine.choice import engine_for, lacks_engine
from tasks.runtimes.docker.engine.install import Engine, engine_script
from tasks.runtimes.docker.facts import after_install
from tasks.script.script import Script

title = "Install Docker"
TIMEOUT = 1800.0


def wanted(node: Node) -> bool:
    """Whether this node is one that Docker has to be, and can be, installed on."""
    return (
        node.facts is not None and lacks_engine(node.subject) and isinstance(engine_for(node.subject), Engine)
    )


def script(run: Run, node: Node) -> Script:
    """What installs Docker on this node."""
    return engine_script(node.host, run.cluster.name, engine_for(node.subject), sudo=node.sudo)


def run(run: Run) -> None:
    if run.dry_run:
        return

    def one(node: Node, board: Board) -> None:
        answer = run.ask(node, script(run, node), board, timeout=TIMEOUT)
        for note in answer.all.get("note", ()):
            run.console.note(f"{node.name}: {note}")
        node.facts = after_install(node.facts, answer.all, answer.texts)
        node.image_versions = in_image(answer)
        node.did.append("installed Docker")

    run.each(title, [n for n in run.chosen if wanted(n)], one)
    if run.head.failure is not None:
        raise Stop("the head has no Docker, so nothing was started", run.head.failure.hint)
