"""What `fab logs` does: which lines were asked for, and how they are shown."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tasks.actions import cli
from tasks.commandline import Mistake
from tasks.node.logfiles import WITH_ERRORS, Query, of_job, patterns
from tasks.phases import operation
from tasks.phases.follow_logs import follow_logs
from tasks.phases.pick_logs import Files, look_up, pick_logs
from tasks.phases.read_logs import read_logs
from tasks.report.console import Console
from tasks.report.incidents import Incident, incidents
from tasks.report.lines import merge
from tasks.report.printer import Printer
from tasks.report.reasons import fix
from tasks.report.table import Column
from tasks.run.operate import operate
from tasks.run.run import Run
from tasks.text import durations
from tasks.text.quoting import printed
from tasks.text.wording import shown

VERSION = 1
DEFAULT = "start,raylet,gcs"
LAST, MANY, OF_ERRORS = 20, 2000, 5000  # lines of each file
COLUMNS = (
    Column("count"),
    Column("what"),
    Column("hosts", as_text="on {}".format, wraps=True),
    Column("last", as_text="last at {}".format),
    Column("file", as_text="in {}".format),
    Column("line", wraps=True),
)


def query(
    component: str | None,
    lines: object,
    since: str | None,
    job: str | None,
    node: str | None,
    *,
    errors: bool,
    follow: bool,
) -> Query:
    """What the flags ask for, or exit status 2."""
    if follow:
        given = {"--since": since, "--job": job, "--node": node, "--errors": errors}
        if wrong := [flag for flag, value in given.items() if value]:
            raise Mistake(f"--follow shows new lines, and {wrong[0]} is about older ones", "leave one out")
    if job and component:
        raise Mistake("--job names the files, and so does --component", "leave one out")
    try:
        files = patterns((component or DEFAULT).split(","))
    except ValueError as error:
        raise Mistake(str(error)) from None
    if job:
        if not re.fullmatch(r"[\w.-]{1,128}", job):
            raise Mistake(
                f"--job: {shown(job)} is no id of a job", "the one that fab submit said, or 02000000"
            )
        files = list(of_job(job))
    elif errors and not component:
        files = list(WITH_ERRORS)
    if node and not re.fullmatch(r"[0-9a-f]{6,56}", node):
        raise Mistake(
            f"--node: {shown(node)} is no id of a node, at least 6 hexadecimal digits of it",
            "--host takes the names of hosts",
        )
    age = None if since is None else seconds_ago(since, time.time())
    fallback = OF_ERRORS if errors else MANY if age is not None or job or node else LAST
    most = fallback if lines is None else cli.number("--lines", lines, 1, 1_000_000)
    return Query(tuple(files), most, age, errors, node or "")


def seconds_ago(since: str, now: float) -> int:
    """``10m``, or a time of this machine, as seconds before now; or exit status 2."""
    try:
        return durations.parse(since)
    except ValueError:
        pass
    try:
        found = now - datetime.fromisoformat(since.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        found = -1.0
    if found < 0:
        raise Mistake(
            f"--since: {shown(since)} is neither a length of time nor a time that has been",
            "--since 10m, or --since '2026-01-02 15:04'",
        )
    return round(found)


def show(
    hosts_file: str | None,
    named: Sequence[tuple[Sequence[str] | None, str]],
    asked: Query,
    *,
    job: str | None,
    grep: str | None,
    follow: bool,
    json_: bool,
    debug: bool,
) -> int:
    """Prints the lines; returns the exit status. :param named: values that choose hosts, each with its flag."""
    if json_ and not asked.errors:
        raise Mistake("--json is for --errors", "fab logs --errors --json")
    console = Console(sys.stderr)
    console.quiet = not debug
    wanted = _expression(grep)
    cluster = cli.read(hosts_file, console)
    chosen = [cli.selected(cluster, values, flag) for values, flag in named if values]
    run = cli.make_run(cluster, console, "logs", limit=frozenset().union(*chosen) or None, debug=debug)
    printer = Printer(Console(), max(len(node.name) for node in run.chosen()), wanted)
    if follow:
        return operate(run, (*operation.REACH, follow_logs(asked.patterns, asked.lines, printer)))
    if asked.plain and not job:
        return operate(run, (*operation.REACH, read_logs(asked.patterns, asked.lines, printer)))
    files: list[str] = list(asked.patterns)

    def take(found: Files) -> None:
        if asked.errors:
            lines = [
                line for of_file in found for line in of_file if wanted is None or wanted.search(line.text)
            ]
            _errors(run, incidents(lines), json_=json_)
        else:
            printer(merge(found))

    pick = pick_logs(lambda: replace(asked, patterns=tuple(files)), take)
    if job and not re.fullmatch(r"[0-9a-f]{8}", job):
        find = look_up(job, lambda names: files.__setitem__(slice(None), names))
        return operate(run, (*operation.FACTS, find, pick))
    return operate(run, (*operation.REACH, pick))


def _expression(grep: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(grep) if grep else None
    except re.error as error:
        raise Mistake(
            f"--grep: {shown(grep)} is not a valid regular expression: {error}",
            f"fab logs --grep {printed(re.escape(grep))} finds it as it is",
        ) from None


def _errors(run: Run, found: Sequence[Incident], *, json_: bool) -> None:
    if json_:
        said = {"version": VERSION, "cluster": run.cluster.name, "errors": [one.as_json() for one in found]}
        print(json.dumps(said, ensure_ascii=False), flush=True)
        return
    out = Console()
    if not found:
        out.ok("no traceback, no kill, no ended process in these logs")
        return
    out.table(COLUMNS, [row(one) for one in found])
    ways = dict.fromkeys(way for one in found if (way := fix([one.text])))
    for way in ways:
        out.print(f"  → {way}")


def row(one: Incident) -> tuple[str, ...]:
    """An event as a row of the table."""
    hosts = sorted(one.hosts.items(), key=lambda item: -item[1])
    names = ", ".join(name for name, _ in hosts[:4]) + (
        f" and {len(hosts) - 4} more" if len(hosts) > 4 else ""
    )
    return (str(one.count), one.kind, names, one.last or "-", one.file, one.text[:300])
