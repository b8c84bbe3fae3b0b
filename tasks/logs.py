"""logs: the last lines of every node's log files, dead nodes included."""

from __future__ import annotations

import queue
import re
import shlex
import sys
import threading
from collections.abc import Iterator

from invoke import Exit

from tasks import cli
from tasks.commandline import Mistake
from tasks.inventory.problems import shown
from tasks.node.logfiles import COMPONENTS, patterns
from tasks.node.operations import logs_script
from tasks.phases import operation
from tasks.report.console import Board, Console
from tasks.report.lines import Line, clean, merge, show
from tasks.run.run import Node, Run
from tasks.ssh import Cancelled, RemoteError

HELP = {
    "hosts_file": cli.HOSTS_FILE,
    "host": "only these hosts: names, addresses or globs, comma-separated or repeated",
    "limit": "the same as --host",
    "component": f"which logs, comma-separated: {', '.join(COMPONENTS)} (default: start,raylet,gcs)",
    "lines": "how many lines of each file (default 20)",
    "follow": "keep printing new lines until Ctrl-C",
    "grep": "only lines that match this regular expression",
    "debug": cli.DEBUG,
}


@cli.task(iterable=["host", "limit"], help=HELP)
def logs(
    c,
    hosts_file=None,
    host=None,
    limit=None,
    component="start,raylet,gcs",
    lines=20,
    follow=False,
    grep=None,
    debug=False,
):
    """
    Show the last log lines of all hosts, merged by time.

    They are read from the hosts' files, so that it works where Ray is dead, too.
    """
    console = Console(sys.stderr)
    console.quiet = not debug
    try:
        chosen = patterns(component.split(","))
    except ValueError as error:
        raise Mistake(str(error)) from None
    try:
        wanted = re.compile(grep) if grep else None
    except re.error as error:
        raise Mistake(
            f"--grep: {shown(grep)} is not a valid regular expression: {error}",
            f"fab logs --grep {shlex.quote(re.escape(grep))} finds it as it is",
        ) from None
    lines = cli.number("--lines", lines, 1, 1_000_000)
    cluster = cli.read(hosts_file, console)
    limit = [*(host or ()), *(limit or ())]
    run = cli.make_run(cluster, console, "logs", limit=limit, debug=debug)
    run.nodes = [n for n in run.nodes if run.limit is None or n.name in run.limit]
    out = Console()
    width = max(len(n.name) for n in run.nodes)

    def print_lines(found: Iterator[Line] | list[Line]) -> None:
        for line in found:
            if wanted is None or wanted.search(line.text):
                show(out, line, width)

    if follow:
        work = lambda run: _follow(run, chosen, lines, print_lines, out)  # noqa: E731
    else:
        work = lambda run: _once(run, chosen, lines, print_lines)  # noqa: E731
    code = operation.operate(run, (*operation.REACH, work))
    if code:
        raise Exit(code=0 if follow and code == 130 else code)


def _once(run: Run, chosen: list[str], count: int, print_lines) -> None:
    def one(node: Node, board: Board):
        script = logs_script(node.host, run.cluster.name, chosen, count, follow=False, sudo=node.sudo)
        return run.ask(node, script, board, timeout=60.0)

    answers = run.each("Read logs", run.living, one)
    found = []
    for node, answer in answers.items():
        files = {key[4:]: texts for key, texts in answer.texts.items() if key.startswith("log:")}
        if not files:
            run.console.note(f"{node.name}: {answer.values.get('note', 'no such log file')}")
        found.append(
            {name: [Line(node.name, name, clean(text)) for text in texts] for name, texts in files.items()}
        )
    print_lines(merge([lines for files in found for lines in files.values()]))


def _follow(run: Run, chosen: list[str], count: int, print_lines, out: Console) -> None:
    lines: queue.Queue[Line | None] = queue.Queue(maxsize=10000)

    def one(node: Node) -> None:
        script = logs_script(node.host, run.cluster.name, chosen, count, follow=True, sudo=node.sudo)

        def on_line(text: str) -> None:
            got = re.match(r"\|([^|]+)\| (.*)", text)
            if got:
                lines.put(Line(node.name, got.group(1), clean(got.group(2))))

        try:
            node.connection.stream(node.text_of(script), on_line, secrets=node.secrets())
        except Cancelled:
            pass  # this side has ended it
        except RemoteError as error:
            run.console.bad(f"{node.name}: {error}", error.hint)
        lines.put(None)

    for node in run.living:
        threading.Thread(target=one, args=(node,), daemon=True).start()
    ended = 0
    while ended < len(run.living) and not out.gone:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            continue
        if line is None:
            ended += 1
        else:
            print_lines([line])
