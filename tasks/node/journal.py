"""The journal of jobs on the head, which outlives Ray: ``drivers/journal.py`` keeps it beside the node."""

from __future__ import annotations

from functools import cache

from tasks.inventory import Host
from tasks.node.addresses import join
from tasks.node.dashboard import answers_at
from tasks.node.names import basics
from tasks.node.start import secrets_of
from tasks.script import files
from tasks.script.script import Effect, Script, render

FOLDER = "jobs"  # in the folder of the node's files
IN_CONTAINER = "/var/lib/rayfab-jobs"


@cache
def program() -> str:
    """The text is part of the hash of a head in a container: any change to it restarts that head at the next deploy."""
    return files.text("drivers", "journal")


def address(head: Host) -> str:
    """Where Ray's job server answers on the head itself."""
    return f"http://{join(answers_at(head.ray.dashboard_host)[0], head.ray.dashboard_port)}"


def jobs_script(head: Host, cluster: str, *, sudo: bool = False) -> Script:
    """Reads the journal, after Ray was asked if it runs.

    The answer has a line of JSON under ``job`` for each job, and ``problem`` where Ray did not answer.
    """
    values = {**basics(cluster), "ADDRESS": address(head), "JOURNAL_PY": program()}
    return render("read the jobs", "jobs", values, secrets=secrets_of(sudo=sudo), effect=Effect.READS)


def log_script(cluster: str, job: str, temp_dir: str, *, sudo: bool = False) -> Script:
    """Prints a job's log from the files of its host, of this session of Ray or of an earlier one.

    The answer has ``log``, the file's path; without it there is none any more.
    """
    values = {**basics(cluster), "JOB": job, "TEMP_DIR": temp_dir}
    return render("read a job's log", "job_log", values, secrets=secrets_of(sudo=sudo), effect=Effect.READS)
