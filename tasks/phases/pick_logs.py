"""Read the lines of logs that a query asks for: of the last minutes, a job or a node, or those about failures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from tasks.node.logfiles import ERRORS, Query, of_job
from tasks.node.operations import job_ids_script, logs_script, pick_script
from tasks.report.console import Board
from tasks.report.lines import Line, clean
from tasks.run.failures import HostFailed, Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Reached
from tasks.run.step import Step
from tasks.ssh import Answer, RemoteError

TIMEOUT = 120.0  # logs may be large, and disks slow
Files = Sequence[Sequence[Line]]


def pick_logs(query: Callable[[], Query], into: Callable[[Files], None]) -> Step:
    """The step that hands over the lines of each file of each host."""
    return Step("Read logs", lambda run: _pick(run, query(), into))


def look_up(job: str, into: Callable[[tuple[str, ...]], None]) -> Step:
    """The step that hands over which files a submitted job has; without Ray's head only those with its name."""

    def work(run: Run) -> None:
        found = of_job(job)
        head = run.head(Known)
        try:
            address = str(head.state.get("head", ""))
            script = job_ids_script(run.cluster.name, address, job, sudo=head.sudo)
            (line, *_) = run.ask(head, script, timeout=60.0).texts["answer"]
            for one in json.loads(line):
                found += of_job(str(one))
        except (HostFailed, RemoteError, KeyError, ValueError):
            run.console.note(f"Ray's head does not say which workers {job} had: only the log of its driver")
        into(found)

    return Step("Look the job up", work)


def _pick(run: Run, query: Query, into: Callable[[Files], None]) -> None:
    def one(node: Reached, board: Board) -> Answer:
        if node.connection.system == "windows":
            script = logs_script(
                node.host, run.cluster.name, query.patterns, query.lines, follow=False, sudo=node.sudo
            )
        else:
            script = pick_script(run.cluster.name, query, sudo=node.sudo)
        return run.ask(node, script, board, timeout=TIMEOUT)

    others, found = [], []
    for node, answer in run.each("Read logs", run.chosen(Reached), one).items():
        if "other" in answer.values:
            others.append(node)
            continue
        logs = {key[4:]: texts for key, texts in answer.texts.items() if key.startswith("log:")}
        if node.connection.system == "windows":
            logs = _on_windows(run, node, query, logs)
        elif not logs and (note := answer.values.get("note")):
            run.console.note(f"{node.name}: {note}")
        for name, texts in logs.items():
            found.append([Line(node.name, name, clean(text)) for text in texts])
    if query.node_id and len(others) == len(run.chosen(Reached)):
        raise Stop(
            f"no host has run a node whose id begins with {query.node_id}",
            "fab status shows the nodes; a log that was removed names none",
        )
    into(found)


def _on_windows(
    run: Run, node: Reached, query: Query, logs: dict[str, list[str]]
) -> dict[str, Sequence[str]]:
    missing = [
        flag for flag, given in (("--since", query.age is not None), ("--node", query.node_id)) if given
    ]
    if missing:
        run.console.note(
            f"{node.name}: {' and '.join(missing)} is not available on Windows: its last lines are read"
        )
    if not query.errors:
        return logs
    told = re.compile(ERRORS)
    return {
        name: [f"{_time(text)}|{text}" for text in texts if told.search(text)] for name, texts in logs.items()
    }


def _time(text: str) -> str:
    found = re.match(r"\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)", text)
    return f"{found.group(1)} {found.group(2)}" if found else ""
