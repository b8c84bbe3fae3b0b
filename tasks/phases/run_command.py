"""Run a command on every host; its output is printed line by line as it arrives."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.operations import command_script
from tasks.report.console import Board
from tasks.report.printer import without_last_blank
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import Step
from tasks.ssh import Answer
from tasks.text.quoting import printed
from tasks.text.wording import shown

TIMEOUT = 86400.0  # a day


def run_command(arguments: Sequence[str]) -> Step:
    """The step that runs a program with these arguments. A host whose command fails has failed."""
    return Step("Run a command", lambda run: _run(run, arguments), changes=True)


def _run(run: Run, arguments: Sequence[str]) -> None:
    width = max(len(node.name) for node in run.chosen(Reached))

    def one(node: Reached, board: Board) -> None:
        def show(line: str) -> None:
            if run.console.gone:
                raise Stop("the output is no longer read")
            print(f"{node.name.ljust(width)} {line}", flush=True)

        script = command_script(run.cluster.name, list(arguments), sudo=node.sudo)
        _judge(run.try_ask(node, script, timeout=TIMEOUT, on_line=without_last_blank(show)), arguments)

    run.each(f"Run {printed(*arguments)}", run.chosen(Reached), one)


def _judge(answer: Answer, arguments: Sequence[str]) -> None:
    """Raises Stop unless the command ended with status 0."""
    if "missing" in answer.values:
        what = "there is no program" if answer.status == 127 else "this cannot be executed:"
        raise Stop(f"{what} {shown(arguments[0])}", "for a shell command line: fab exec -- sh -c '...'")
    if answer.status:
        raise Stop(f"ended with status {answer.status}")
