"""Install Docker on hosts that should run a container but have no Docker."""

from __future__ import annotations

from dataclasses import replace

from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step
from tasks.runtimes.docker.engine.choice import engine_for, lacks_engine
from tasks.runtimes.docker.engine.install import Engine, engine_script
from tasks.runtimes.docker.facts import after_install
from tasks.script.script import Script

TITLE = "Install Docker"
TIMEOUT = 1800.0


def lacks_docker(node: Known) -> bool:
    """Whether Docker must be installed on this host, and can be."""
    return lacks_engine(node.subject) and isinstance(engine_for(node.subject), Engine)


def script(run: Run, node: Known) -> Script:
    """The script that installs Docker on this host."""
    return engine_script(node.host, run.cluster.name, engine_for(node.subject), sudo=node.sudo)


@step(TITLE, changes=True)
def install_docker(run: Run) -> None:
    def one(node: Known, board: Board) -> Known:
        answer = run.ask(node, script(run, node), board, timeout=TIMEOUT)
        for note in answer.all.get("note", ()):
            run.console.note(f"{node.name}: {note}")
        run.did(node, "installed Docker")
        return replace(node, facts=after_install(node.facts, answer.all, answer.texts))

    run.grow(TITLE, [node for node in run.chosen(Known) if lacks_docker(node)], one)
    if failure := run.failure(run.head()):
        raise Stop("the head has no Docker, so nothing was started", failure.hint)
