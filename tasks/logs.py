"""logs."""

from __future__ import annotations

from tasks.commandline import options
from tasks.node.logfiles import COMPONENTS


@options.task(
    iterable=["host", "limit"],
    help={
        **options.COMMON,
        "host": "only these hosts: names, addresses or globs, comma-separated or repeated",
        "limit": "the same as --host",
        "component": f"which logs, comma-separated: {', '.join(COMPONENTS)} (default: start,raylet,gcs)",
        "lines": "how many lines of each file (default 20)",
        "follow": "keep printing new lines until Ctrl-C",
        "grep": "only lines that match this regular expression",
    },
)
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
    import re
    import sys

    from invoke import Exit

    from tasks.actions import cli
    from tasks.commandline import Mistake
    from tasks.node.logfiles import patterns
    from tasks.phases import operation
    from tasks.phases.read_logs import follow_logs, read_logs
    from tasks.report.console import Console
    from tasks.report.printer import Printer
    from tasks.run.operate import operate
    from tasks.text.quoting import printed
    from tasks.text.wording import shown

    console = Console(sys.stderr)
    console.quiet = not debug
    try:
        files = patterns(component.split(","))
    except ValueError as error:
        raise Mistake(str(error)) from None
    try:
        wanted = re.compile(grep) if grep else None
    except re.error as error:
        raise Mistake(
            f"--grep: {shown(grep)} is not a valid regular expression: {error}",
            f"fab logs --grep {printed(re.escape(grep))} finds it as it is",
        ) from None
    lines = cli.number("--lines", lines, 1, 1_000_000)
    cluster = cli.read(hosts_file, console)
    named = ((host, "--host"), (limit, "--limit"))
    chosen = [cli.selected(cluster, values, flag) for values, flag in named if values]
    run = cli.make_run(cluster, console, "logs", limit=frozenset().union(*chosen) or None, debug=debug)
    printer = Printer(Console(), max(len(node.name) for node in run.chosen()), wanted)
    read = follow_logs if follow else read_logs
    code = operate(run, (*operation.REACH, read(files, lines, printer)))
    if code:
        raise Exit(code=code)
