"""Follow logs: their last lines, then new ones until Ctrl-C. A host that is lost is connected to again."""

from __future__ import annotations

import contextlib
import math
import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tasks.node.operations import logs_script
from tasks.report.lines import Line, clean
from tasks.report.printer import Printer
from tasks.run.failures import failure_of
from tasks.run.followed import Shown
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import Step
from tasks.run.target import target_of
from tasks.ssh import Cancelled, ConnectionLost, RemoteError, StepTimeout, Unfinished, Unreachable, connect

LINES_AHEAD = 10_000  # a host that writes faster than the terminal has to wait
LOST = (ConnectionLost, StepTimeout, Unfinished, Unreachable)
PAUSES = (1, 2, 5, 10, 30)  # seconds before each try to connect again; the last one repeats
AGAIN = 500  # lines of each file that are read after a loss, to find those that were not shown yet


def follow_logs(files: Sequence[str], count: int, printer: Printer) -> Step:
    """The step that prints lines as they come, until Ctrl-C, or until nobody reads the output.

    :param files: glob patterns of log files.
    :param count: how many lines of each file it begins with.
    """
    return Step("Follow logs", lambda run: _follow(run, files, count, printer))


def _follow(run: Run, files: Sequence[str], count: int, printer: Printer) -> None:
    lines: queue.Queue[Line | None] = queue.Queue(maxsize=LINES_AHEAD)
    over = threading.Event()

    def one(node: Reached) -> None:
        shown = Shown()

        def put(found: Iterator[tuple[str, str]]) -> None:
            for file, text in found:
                lines.put(Line(node.name, file, clean(text)))

        def on_line(text: str) -> None:
            if text == "alive":
                put(shown.whole())
            elif found := re.match(r"\|([^|]+)\| (.*)", text):
                put(shown.new(found.group(1), found.group(2)))

        try:
            _stay(run, node, files, count, on_line, shown, over)
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
    over.set()
    run.cancel()


def _stay(
    run: Run,
    node: Reached,
    files: Sequence[str],
    count: int,
    on_line: Callable[[str], None],
    shown: Shown,
    over: threading.Event,
) -> None:
    """Reads until the script ends; connects again as often as the host is lost."""
    tries = 0
    while not over.is_set():
        many = AGAIN if tries else count
        script = logs_script(node.host, run.cluster.name, files, many, follow=True, sudo=node.sudo)
        try:
            if tries:
                node = _again(run, node)
                run.console.note(f"{node.name}: connected again")
            run.try_ask(node, script, timeout=math.inf, on_line=on_line)
            return
        except LOST as error:
            if not tries or not isinstance(error, Unreachable):
                run.console.note(f"{node.name}: {error}; connecting again")
                tries = 0
            shown.lost()
            over.wait(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1


def _again(run: Run, node: Reached) -> Reached:
    target = target_of(node.host, node.passwords.login, node.passwords.sudo)
    node.connection.close()
    found = replace(node, connection=connect(target, run.settings, lambda text: None))
    run.put(found)
    return found


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
