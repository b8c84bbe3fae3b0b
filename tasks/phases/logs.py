"""Read logs: the last lines of every node's log files, once or until Ctrl-C."""

from __future__ import annotations

import math
import queue
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.node.operations import logs_script
from tasks.report.console import Board, Console
from tasks.report.lines import Line, clean, merge, show
from tasks.run.run import Node, Run
from tasks.ssh import Cancelled, RemoteError

LINES_AHEAD = 10_000  # hosts that write faster than this terminal wait


@dataclass
class Printer:
    """Prints lines to a console. :ivar width: of the longest host name; :ivar wanted: None prints every line."""

    out: Console
    width: int
    wanted: re.Pattern[str] | None = None

    def __call__(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if self.wanted is None or self.wanted.search(line.text):
                show(self.out, line, self.width)


def once(run: Run, files: list[str], count: int, printer: Printer) -> None:
    """Prints the last lines of all hosts, merged by time.

    :param files: glob patterns of log files; :param count: how many lines of each.
    """

    def one(node: Node, board: Board):
        script = logs_script(node.host, run.cluster.name, files, count, follow=False, sudo=node.sudo)
        return run.ask(node, script, board, timeout=60.0)

    answers = run.each("Read logs", run.living, one)
    found = []
    for node, answer in answers.items():
        logs = {key[4:]: texts for key, texts in answer.texts.items() if key.startswith("log:")}
        if not logs:
            run.console.note(f"{node.name}: {answer.values.get('note', 'no such log file')}")
        found.append(
            {name: [Line(node.name, name, clean(text)) for text in texts] for name, texts in logs.items()}
        )
    printer(merge([lines for of_host in found for lines in of_host.values()]))


def follow(run: Run, files: list[str], count: int, printer: Printer) -> None:
    """As :func:`once`, then new lines as they are written, until Ctrl-C or until nobody reads the output."""
    lines: queue.Queue[Line | None] = queue.Queue(maxsize=LINES_AHEAD)

    def one(node: Node) -> None:
        script = logs_script(node.host, run.cluster.name, files, count, follow=True, sudo=node.sudo)

        def on_line(text: str) -> None:
            got = re.match(r"\|([^|]+)\| (.*)", text)
            if got:
                lines.put(Line(node.name, got.group(1), clean(got.group(2))))

        try:
            node.connection.ask(script, secrets=node.secrets(), timeout=math.inf, on_line=on_line)
        except Cancelled:
            pass  # this side has ended it
        except RemoteError as error:
            run.console.bad(f"{node.name}: {error}", error.hint)
        lines.put(None)

    for node in run.living:
        threading.Thread(target=one, args=(node,), daemon=True).start()
    ended = 0
    while ended < len(run.living) and not printer.out.gone:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            continue
        if line is None:
            ended += 1
        else:
            printer([line])
