"""Jobs: which there are and were, the log of one, and the end of one."""

from __future__ import annotations

import time
from collections.abc import Callable

from tasks.node.journal import jobs_script, log_script, parse
from tasks.node.names import RAY_DIR
from tasks.report.lines import clean
from tasks.run.failures import Stop
from tasks.run.job import GONE, Job
from tasks.run.jobs import Found
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import Step
from tasks.text.durations import took

TIMEOUT = 90.0
LOG_TIMEOUT = 3600.0


def read_jobs(found: Found) -> Step:
    """The step that fills ``found``."""
    return Step("Read the jobs", lambda run: _read(run, found))


def _read(run: Run, found: Found) -> None:
    head = run.head(Reached)
    if head.connection.system == "windows":
        raise Stop(
            "the journal of jobs is not available on a head on Windows yet", "fab dashboard shows Ray's list"
        )
    answer = run.ask(head, jobs_script(head.host, run.cluster.name, sudo=head.sudo), timeout=TIMEOUT)
    found.jobs, problem = parse(answer.texts.get("job", ()))
    found.problem = problem or clean(answer.values.get("problem", ""))


def follow_job(found: Found, id_: str) -> Step:
    """The step that shows a job's log; one that has not ended is followed. It raises Stop if that does not succeed."""
    return Step("Follow a job", lambda run: _follow(run, found, id_))


def _follow(run: Run, found: Found, id_: str) -> None:
    entry = found.job(id_)
    if entry.over or not entry.known:
        return
    job = Job(run, run.head(Reached), id_, sure=True)
    job.follow()
    job.say_end()


def print_log(id_: str, gone: Callable[[Run], str]) -> Step:
    """The step that prints a job's log from the files of the only host. :param gone: what is said where it is gone."""
    return Step("Read a job's log", lambda run: _print(run, id_, gone))


def _print(run: Run, id_: str, gone: Callable[[Run], str]) -> None:
    (node,) = run.every(Reached)
    blank = False

    def on_line(line: str) -> None:
        # a script ends with an empty line of its own
        nonlocal blank
        if blank:
            print()
        blank = not line
        if blank:
            return
        if run.console.gone:
            raise Stop("the output is no longer read", "fab jobs logs prints it again")
        print(clean(line))

    script = log_script(run.cluster.name, id_, RAY_DIR, sudo=node.sudo)
    answer = run.try_ask(node, script, timeout=LOG_TIMEOUT, on_line=on_line)
    if not answer.ok:
        raise Stop(answer.error, answer.hint)
    if "log" not in answer.values:
        raise Stop(gone(run), "fab jobs shows how it ended")


def stop_job(found: Found, id_: str) -> Step:
    """The step that stops a job, after a question."""
    return Step("Stop a job", lambda run: _stop(run, found, id_), changes=True)


def _stop(run: Run, found: Found, id_: str) -> None:
    entry = found.job(id_)
    if entry.over:
        run.console.ok(f"job {id_} has ended already: {entry.status.lower()}", entry.message)
        return
    if not entry.known:
        raise Stop(found.problem or GONE.format(id_), "fab status says what runs")
    since = f", {took(time.time() - entry.start)} ago" if entry.start else ""
    who = f", by {entry.user}" if entry.user else ""
    line = f"{entry.entrypoint}: {entry.status.lower()}, submitted{since}{who}"
    run.options.agree([line], f"stop job {id_}")
    job = Job(run, run.head(Reached), id_, sure=True)
    if not job.stop():
        waits = "one that waits for resources stops when it gets them, and Ray gives up after 15 min"
        raise Stop(
            f"job {id_} has not ended yet", waits if entry.status == "PENDING" else "fab jobs shows its state"
        )
    run.did(job.head, f"stopped job {id_}")
