"""Read logs: the last lines of every node's log files."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.operations import logs_script
from tasks.report.console import Board
from tasks.report.lines import Line, clean, merge
from tasks.report.printer import Printer
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import Step
from tasks.ssh import Answer


def read_logs(files: Sequence[str], count: int, printer: Printer) -> Step:
    """The step that prints the last lines of all hosts, merged by time.

    :param files: glob patterns of log files.
    :param count: how many lines of each file.
    """
    return Step("Read logs", lambda run: _read(run, files, count, printer))


def _read(run: Run, files: Sequence[str], count: int, printer: Printer) -> None:
    def one(node: Reached, board: Board) -> Answer:
        script = logs_script(node.host, run.cluster.name, files, count, follow=False, sudo=node.sudo)
        return run.ask(node, script, board, timeout=60.0)

    found = []
    for node, answer in run.each("Read logs", run.chosen(Reached), one).items():
        logs = {key[4:]: texts for key, texts in answer.texts.items() if key.startswith("log:")}
        if not logs:
            run.console.note(f"{node.name}: {answer.values.get('note', 'no such log file')}")
        found.append(
            {name: [Line(node.name, name, clean(text)) for text in texts] for name, texts in logs.items()}
        )
    printer(merge([lines for of_host in found for lines in of_host.values()]))
