"""exec: one command on every host, its lines printed as they come."""

from __future__ import annotations

from collections.abc import Callable

from tasks.node.operations import command_script
from tasks.report.console import Board
from tasks.run.run import Node, Run, Stop
from tasks.ssh import Answer
from tasks.text.quoting import printed
from tasks.text.wording import shown

SECONDS = 86400.0  # a day, the most that one command may take


def on_every_host(arguments: list[str]) -> Callable[[Run], None]:
    """The phase that runs a program with these arguments; a host whose command fails is a host that failed."""

    def work(run: Run) -> None:
        width = max(len(n.name) for n in run.nodes)

        def one(node: Node, board: Board) -> int:
            def show(line: str) -> None:
                if run.console.gone:
                    raise Stop("the output is no longer read")
                print(f"{node.name.ljust(width)} {line}", flush=True)

            print_line = without_last_blank(show)
            script = command_script(run.cluster.name, arguments, sudo=node.sudo)
            answer = node.connection.ask(script, secrets=node.secrets(), timeout=SECONDS, on_line=print_line)
            ended(answer, arguments)
            return 0

        run.each(f"Run {printed(*arguments)}", run.living, one)

    return work


def without_last_blank(show: Callable[[str], None]) -> Callable[[str], None]:
    """Holds empty lines back until another follows: the answer's end brings one along."""
    held = 0

    def line(text: str) -> None:
        nonlocal held
        if text:
            for _ in range(held):
                show("")
            held = 0
            show(text)
        else:
            held += 1

    return line


def ended(answer: Answer, arguments: list[str]) -> None:
    """Raises Stop unless the command ended with status 0."""
    if "missing" in answer.values:
        what = "there is no program" if answer.status == 127 else "this cannot be executed:"
        raise Stop(f"{what} {shown(arguments[0])}", "for a shell command line: fab exec -- sh -c '...'")
    if answer.status:
        raise Stop(f"ended with status {answer.status}")
