"""What `fab jobs` does: lists the jobs of all sessions, shows the log of one, stops one."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from rich.text import Text

from tasks.actions import cli
from tasks.completion.jobs import remember
from tasks.inventory import Cluster, Host
from tasks.node.journal import Entry
from tasks.phases import jobs as steps
from tasks.phases import operation
from tasks.report import handover
from tasks.report.console import Console
from tasks.report.table import Column
from tasks.run.jobs import Found
from tasks.run.operate import operate
from tasks.run.step import Step
from tasks.text.durations import took
from tasks.text.wording import counted

VERSION = 1  # of what --json prints
SHOWN = 20
STYLES = {"SUCCEEDED": "green", "FAILED": "red", "LOST": "red", "STOPPED": "yellow"}
COLUMNS = (
    Column("job"),
    Column("state", as_text=str),
    Column("started", as_text="started {}".format),
    Column("took", as_text="took {}".format),
    Column("user", as_text="by {}".format),
    Column("entry point", wraps=True),
    Column("message", wraps=True),
)


def listed(hosts_file: str | None, *, everything: bool, json_: bool, debug: bool) -> int:
    """Prints the jobs; returns the exit status. :param everything: not only the newest ones."""
    console = Console(sys.stderr)
    run = cli.new_run(hosts_file, "jobs", console=console, head_only=True, debug=debug)
    console.quiet = not debug
    found = Found()
    code = operate(run, (*operation.REACH, steps.read_jobs(found)))
    if code:
        return code
    remember(run.cluster.path, [one.id for one in found.jobs])
    if json_:
        print(json.dumps(as_json(run.cluster.name, found), ensure_ascii=False), flush=True)
        return 0
    out = Console()
    if found.problem:
        out.note(f"{found.problem}: this is what was known before")
    jobs = found.jobs if everything else found.jobs[-SHOWN:]
    if not jobs:
        out.ok("no jobs yet")
        handover.commands(out, [("submit -- python job.py", "runs one")])
        return 0
    out.table(COLUMNS, [_row(one) for one in jobs])
    if len(jobs) < len(found.jobs):
        out.print()
        handover.commands(
            out, [("jobs --all", f"{counted(len(found.jobs) - len(jobs), 'earlier one')} as well")]
        )
    return 0


def as_json(cluster: str, found: Found) -> dict[str, Any]:
    """What ``--json`` prints, as ``schemas/jobs.json`` has it."""
    return {
        "version": VERSION,
        "cluster": cluster,
        "problem": found.problem or None,
        "jobs": [{**asdict(one), "user": one.user or None, "node": one.node or None} for one in found.jobs],
    }


def _row(one: Entry) -> tuple[str | Text, ...]:
    end = one.end if one.over else time.time()
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.start)) if one.start else "-"
    lasted = took(end - one.start) if one.start and end else "-"
    # Ray's own words for one that waits are three sentences, of which the first says it
    message = one.message.partition(". ")[0] if one.status in ("FAILED", "LOST", "PENDING") else ""
    state = Text(one.status.lower(), STYLES.get(one.status, ""))
    return one.id, state, started, lasted, one.user or "-", one.entrypoint, " ".join(message.split())


def logs(hosts_file: str | None, job: str, *, follow: bool, debug: bool) -> int:
    """Prints a job's log; returns the exit status. :param follow: until it ends."""
    console = Console(sys.stderr)
    cluster = cli.read(hosts_file, console)
    console.quiet = not debug
    found = Found()
    code = _on(cluster, console, cluster.head, debug, steps.read_jobs(found))
    entry = next((one for one in found.jobs if one.id == job), None)
    if code or (follow and entry and not entry.over and entry.known):
        if code:
            return code
        with contextlib.suppress(KeyboardInterrupt):
            return _on(cluster, console, cluster.head, debug, steps.follow_job(found, job))
        return 130
    node = entry.node if entry else ""
    host = next((one for one in cluster.hosts if node and node in (one.node_ip, one.host)), cluster.head)

    return _on(cluster, console, host, debug, steps.print_log(job, lambda run: gone(entry, job, host)))


def gone(entry: Entry | None, job: str, host: Host) -> str:
    """What is said where a host has no log of a job."""
    if entry is None:
        return f"there is no job {job}, and no log of one"
    kept = f"ray.logs keeps {counted(host.ray.logs.days, 'day')} and {host.ray.logs.max} of logs"
    foreign = entry.node and host.role == "head" and entry.node not in (host.node_ip, host.host)
    elsewhere = f"; it ran on {entry.node}" if foreign else ""
    return f"the log of job {job} is gone from {host.name}: {kept}{elsewhere}"


def _on(cluster: Cluster, console: Console, host: Host, debug: bool, step: Step) -> int:
    run = cli.make_run(cluster, console, "jobs", hosts=[host], debug=debug)
    return operate(run, (*operation.REACH, step))


def stop(hosts_file: str | None, job: str, *, yes: bool, debug: bool) -> None:
    """Stops a job after a question, and ends the process with the contract's status."""
    run = cli.new_run(hosts_file, f"jobs stop {job}", head_only=True, yes=yes, debug=debug)
    found = Found()
    cli.finish(run, (*operation.REACH, steps.read_jobs(found), steps.stop_job(found, job)))
