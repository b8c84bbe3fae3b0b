"""The journal of jobs on the head, which outlives Ray: ``drivers/journal.py`` keeps it beside the node."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from tasks.inventory import Host
from tasks.node.addresses import join
from tasks.node.dashboard import answers_at
from tasks.node.names import basics
from tasks.node.start import secrets_of
from tasks.script import files
from tasks.script.script import Effect, Script, render

FOLDER = "jobs"  # in the folder of the node's files
IN_CONTAINER = "/var/lib/rayfab-jobs"
OVER = frozenset(
    {"SUCCEEDED", "FAILED", "STOPPED", "LOST"}
)  # the last: Ray has forgotten it before it had ended
MOST, LONG = 1000, 600  # jobs, and characters of a text, as in drivers/journal.py


@dataclass(frozen=True)
class Entry:
    """A job of this session of Ray or of an earlier one. Times are seconds since 1970 by the head's clock.

    :param status: as Ray has it, or LOST.
    :param entrypoint: its command, as one line.
    :param user: who submitted it through this project; '' for others.
    :param message: why it has its status, in Ray's words.
    :param exit: the exit status of its command; None while it runs, and where Ray does not say it.
    :param node: the address of the node that its entry point ran on; '' while unknown.
    :param known: Ray itself still knows it.
    """

    id: str
    status: str = ""
    entrypoint: str = ""
    user: str = ""
    start: float | None = None
    end: float | None = None
    message: str = ""
    exit: int | None = None
    node: str = ""
    known: bool = False

    @property
    def over(self) -> bool:
        return self.status in OVER


def parse(lines: Iterable[str]) -> tuple[list[Entry], str]:
    """The answer to :func:`jobs_script`: the jobs, the oldest first, and why Ray could not be asked; '' if it was.

    A container's user may write these files, so whatever is no entry is passed over.
    """
    found: dict[str, Entry] = {}
    problem = ""
    for line in lines:
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict) and isinstance(one.get("problem"), str):
            problem = _plain(one["problem"])
        elif isinstance(one, dict) and isinstance(one.get("id"), str) and one["id"]:
            new = _entry(one)
            # one that was handed over may be here as well, and may have ended since
            found[new.id] = new if new.over else found.get(new.id, new)
    return sorted(found.values(), key=lambda entry: entry.start or 0), problem


def handed_over(lines: Iterable[str], asked: float) -> str:
    """The newest jobs of a head as lines of JSON, for another head; '' for none.

    :param asked: when they were read, as seconds since 1970: a job that ran then, and that no Ray knows, ended by then.
    """
    jobs = [
        {name: _short(value) for name, value in asdict(one).items() if name != "known"}
        for one in parse(lines)[0][-MOST:]
    ]
    told = [{"asked": asked}, *jobs] if jobs else []
    return "".join(f"{json.dumps(one, sort_keys=True)}\n" for one in told)


def _entry(one: dict[str, Any]) -> Entry:
    texts = {
        name: _plain(one[name])
        for name in ("id", "status", "entrypoint", "user", "message", "node")
        if isinstance(one.get(name), str)
    }
    times = {name: float(one[name]) for name in ("start", "end") if _number(one.get(name))}
    code = int(one["exit"]) if _number(one.get("exit")) else None
    return Entry(**texts, **times, exit=code, known=one.get("known") is True)


def _short(value: object) -> object:
    return value[:LONG] if isinstance(value, str) else value


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


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
