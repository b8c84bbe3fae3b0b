"""Run a command on every host. Its output is printed line by line as it arrives, or equal outputs once, at the end."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Sequence

from rich.text import Text

from tasks.inventory.fold import folded
from tasks.node.operations import command_script, host_command_script
from tasks.report import handover
from tasks.report.console import Board
from tasks.report.printer import without_last_blank
from tasks.report.progress import batches_left
from tasks.run.failures import Stop
from tasks.run.how import How
from tasks.run.record import GoesOn
from tasks.run.rolling import batch_size, batches
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import Step
from tasks.script.script import Script
from tasks.ssh import Answer
from tasks.text.quoting import printed
from tasks.text.wording import shown

TIMEOUT = 86400.0  # a day
NAMED = 60  # characters of a command line by which its process is found
MANY = 20  # hosts; with more, equal outputs are printed once
MOST_LINES = 10_000  # that are kept of one host until the end


def run_command(arguments: Sequence[str], how: How | None = None) -> Step:
    """The step that runs a program with these arguments. A host whose command fails has failed."""
    return Step("Run a command", lambda run: _run(run, arguments, how or How()), changes=True)


def _run(run: Run, arguments: Sequence[str], how: How) -> None:
    nodes = run.chosen(Reached)
    width = max(len(node.name) for node in nodes)
    fold = len(nodes) > MANY if how.fold is None else how.fold
    kept: dict[str, list[str]] = {}
    under_way: dict[str, str] = {}

    def one(node: Reached, board: Board) -> None:
        lines = kept.setdefault(node.name, [])

        def show(line: str) -> None:
            if run.console.gone:
                raise Stop("the output is no longer read", "read all of it, or write it into a file")
            if not fold:
                print(f"{node.name.ljust(width)} {line}", flush=True)
            elif len(lines) < MOST_LINES:
                lines.append(line)
            elif len(lines) == MOST_LINES:
                lines.append(f"... more than {MOST_LINES} lines; --all prints each as it comes")

        script = _script(run, node, arguments, how)
        under_way[node.name] = node.connection.system
        # without an answer the command may still run there
        answer = run.try_ask(node, script, timeout=TIMEOUT, on_line=without_last_blank(show))
        del under_way[node.name]
        _judge(answer, arguments)

    title = f"Run {printed(*arguments)}"
    groups = batches(nodes, batch_size(how.batch, len(nodes)), 0) if how.batch else [nodes]
    took: list[float] = []
    try:
        for number, group in enumerate(groups, 1):
            if len(groups) > 1:
                time_left = batches_left(took, len(groups) - number + 1)
                names = handover.names(node.name for node in group)
                run.console.print(f"batch {number} of {len(groups)}{time_left}: {names}")
            began = time.monotonic()
            run.each(title, group, one)
            took.append(time.monotonic() - began)
            left = [node for later in groups[number:] for node in later]
            if left and any(run.failure(node) for node in group):
                _stop(run, arguments, how, left)
    finally:
        if fold:
            _show_folded(run, kept)
        names = [node.name for node in run.every() if node.name in under_way]
        if names:
            run.record.goes_on = _goes_on(arguments, names, set(under_way.values()))


def _script(run: Run, node: Reached, arguments: Sequence[str], how: How) -> Script:
    if not how.in_host and not how.root:
        return command_script(run.cluster.name, list(arguments), sudo=node.sudo)
    if node.connection.system == "windows":
        flag = "--sudo" if how.root else "--in-host"
        raise Stop(
            f"{flag} is not available on Windows", f"fab ssh --host {printed(node.name)} -- {arguments[0]}"
        )
    return host_command_script(run.cluster.name, list(arguments), root=how.root, sudo=node.sudo)


def _stop(run: Run, arguments: Sequence[str], how: How, left: Sequence[Reached]) -> None:
    """Ends with the first batch in which a host has failed. :raises Stop: always."""
    flags = [f"--batch {printed(str(how.batch))}", *(["--in-host"] if how.in_host else [])]
    flags += ["--sudo"] if how.root else []
    names = handover.limit(node.name for node in left)
    raise Stop(
        f"a host of this batch has failed, so {handover.hosts(len(left))} were left out",
        f"fab exec --limit {names} {' '.join(flags)} -- {printed(*arguments)} runs it there",
    )


def _show_folded(run: Run, kept: dict[str, list[str]]) -> None:
    """Prints each output once, below the hosts that gave it, the most frequent first."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for node in run.every():
        if node.name in kept:
            alike.setdefault(tuple(kept[node.name]), []).append(node.name)
    for lines, names in sorted(alike.items(), key=lambda item: -len(item[1])):
        count = f" ({len(names)})" if len(names) > 1 else ""
        run.console.print(Text(f"{folded(names)}{count}:", style="bold"))
        print("\n".join(f"  {line}" for line in lines) if lines else "  (no output)", flush=True)


def _judge(answer: Answer, arguments: Sequence[str]) -> None:
    """Raises Stop unless the command ended with status 0."""
    if "missing" in answer.values:
        what = "there is no program" if answer.status == 127 else "this cannot be executed:"
        raise Stop(f"{what} {shown(arguments[0])}", "for a shell command line: fab exec -- sh -c '...'")
    if answer.error:
        raise Stop(answer.error, answer.hint or "see its output above")
    if answer.status:
        raise Stop(f"ended with status {answer.status}", "see its output above")


def _goes_on(arguments: Sequence[str], names: Sequence[str], systems: Collection[str]) -> GoesOn:
    """How to see and to end a command that nobody waits for any more."""
    ask = f"exec --limit {handover.limit(names)} --"
    line = " ".join(arguments).splitlines()[0]
    pattern = re.sub(r"([][\\.*+?(){}|^$])", r"\\\1", line[:NAMED]) + ("" if len(line) > NAMED else "$")
    commands = [
        (f"{ask} pgrep -fa {printed(pattern)}", "see it"),
        (f"{ask} pkill -f {printed(pattern)}", "end it"),
    ]
    if "windows" in systems:
        commands = [(f"{ask} tasklist", "see it"), (f"{ask} taskkill /F /PID NUMBER", "end it")]
    return GoesOn(f"{shown(arguments[0])} may still run on {handover.names(names)}", tuple(commands))
