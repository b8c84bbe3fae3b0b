"""Read logs: the last lines of every node's log files, once or until Ctrl-C."""

from __future__ import annotations

import contextlib
import math
import queue
import re
import threading
from collections.abc import Sequence

from tasks.node.operations import logs_script
from tasks.report.console import Board
from tasks.report.lines import Line, clean, merge
from tasks.report.printer import Printer
from tasks.run.failures import failure_of
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import Step
from tasks.ssh import Answer, Cancelled, RemoteError

LINES_AHEAD = 10_000  # a host that writes faster than the terminal has to wait


def read_logs(files: Sequence[str], count: int, printer: Printer) -> Step:
    """The step that prints the last lines of all hosts, merged by time.

    :param files: glob patterns of log files.
    :param count: how many lines of each file.
    """
    return Step("Read logs", lambda run: _read(run, files, count, printer))


def follow_logs(files: Sequence[str], count: int, printer: Printer) -> Step:
    """Like :func:`read_logs`, then prints new lines until Ctrl-C, or until nobody reads the output."""
    return Step("Follow logs", lambda run: _follow(run, files, count, printer))


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


def _follow(run: Run, files: Sequence[str], count: int, printer: Printer) -> None:
    lines: queue.Queue[Line | None] = queue.Queue(maxsize=LINES_AHEAD)

    def one(node: Reached) -> None:
        script = logs_script(node.host, run.cluster.name, files, count, follow=True, sudo=node.sudo)

        def on_line(text: str) -> None:
            if found := re.match(r"\|([^|]+)\| (.*)", text):
                lines.put(Line(node.name, found.group(1), clean(found.group(2))))

        try:
            run.try_ask(node, script, timeout=math.inf, on_line=on_line)
        except Cancelled:
            pass  # ended from this side
        except RemoteError as error:
            run.console.bad(f"{node.name}: {error}", error.hint)
            run.fail(node, failure_of(error))
        lines.put(None)

    nodes = run.chosen(Reached)
    for node in nodes:
        threading.Thread(target=one, args=(node,), daemon=True).start()
    # Ctrl-C is how following ends
    with contextlib.suppress(KeyboardInterrupt):
        _print_until_all_have_ended(lines, len(nodes), printer)
    run.cancel()


def _print_until_all_have_ended(lines: queue.Queue[Line | None], count: int, printer: Printer) -> None:
    while count and not printer.out.gone:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            continue
        if line is None:
            count -= 1
        else:
            printer([line])
