"""Run a command on every host; its output is printed line by line as it arrives."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from tasks.node.operations import command_script
from tasks.report import handover
from tasks.report.console import Board
from tasks.report.printer import without_last_blank
from tasks.run.failures import Stop
from tasks.run.record import GoesOn
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import Step
from tasks.ssh import Answer
from tasks.text.quoting import printed
from tasks.text.wording import shown

TIMEOUT = 86400.0  # a day
NAMED = 60  # characters of a command line by which its process is found


def run_command(arguments: Sequence[str]) -> Step:
    """The step that runs a program with these arguments. A host whose command fails has failed."""
    return Step("Run a command", lambda run: _run(run, arguments), changes=True)


def _run(run: Run, arguments: Sequence[str]) -> None:
    width = max(len(node.name) for node in run.chosen(Reached))
    under_way: dict[str, str] = {}

    def one(node: Reached, board: Board) -> None:
        def show(line: str) -> None:
            if run.console.gone:
                raise Stop("the output is no longer read", "read all of it, or write it into a file")
            print(f"{node.name.ljust(width)} {line}", flush=True)

        script = command_script(run.cluster.name, list(arguments), sudo=node.sudo)
        under_way[node.name] = node.connection.system
        # without an answer the command may still run there
        answer = run.try_ask(node, script, timeout=TIMEOUT, on_line=without_last_blank(show))
        del under_way[node.name]
        _judge(answer, arguments)

    try:
        run.each(f"Run {printed(*arguments)}", run.chosen(Reached), one)
    finally:
        names = [node.name for node in run.every() if node.name in under_way]
        if names:
            run.record.goes_on = _goes_on(arguments, names, set(under_way.values()))


def _judge(answer: Answer, arguments: Sequence[str]) -> None:
    """Raises Stop unless the command ended with status 0."""
    if "missing" in answer.values:
        what = "there is no program" if answer.status == 127 else "this cannot be executed:"
        raise Stop(f"{what} {shown(arguments[0])}", "for a shell command line: fab exec -- sh -c '...'")
    if answer.status:
        raise Stop(f"ended with status {answer.status}", "see its output above")


def _goes_on(arguments: Sequence[str], names: Sequence[str], systems: Collection[str]) -> GoesOn:
    """How to see and to end a command that nobody waits for any more."""
    ask = f"exec --limit {','.join(names)} --"
    line = " ".join(arguments).splitlines()[0]
    pattern = re.sub(r"([][\\.*+?(){}|^$])", r"\\\1", line[:NAMED]) + ("" if len(line) > NAMED else "$")
    commands = [
        (f"{ask} pgrep -fa {printed(pattern)}", "see it"),
        (f"{ask} pkill -f {printed(pattern)}", "end it"),
    ]
    if "windows" in systems:
        commands = [(f"{ask} tasklist", "see it"), (f"{ask} taskkill /F /PID NUMBER", "end it")]
    return GoesOn(f"{shown(arguments[0])} may still run on {handover.names(names)}", tuple(commands))
