"""Collect what is needed to find a fault, from all hosts at once; one that is away costs only its own part."""

from __future__ import annotations

import time
from collections.abc import Callable

from tasks.node.logfiles import WITH_ERRORS, Query, patterns
from tasks.node.operations import collect_script, logs_script, pick_script
from tasks.phases.connect import connect_all
from tasks.report.console import Board
from tasks.report.handover import hosts
from tasks.report.lines import Line, clean
from tasks.run.collected import Collected
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step, step
from tasks.text.wording import size

TIMEOUT = 300.0
DAY = 86400


@step("Connect")
def connect_some(run: Run) -> None:
    """As many hosts as answer; that none does is no reason to stop."""
    try:
        connect_all(run)
    except Stop as stop:
        run.console.note(str(stop))


def measure(into: dict[str, int], budget: Callable[[Run], int], each: int) -> Step:
    """The step that fills in the bytes of each host's logs, and says how much that is."""

    def one(run: Run, node: Known, board: Board) -> int:
        script = collect_script(run.cluster.name, "size", budget(run), each, sudo=node.sudo)
        return int(run.ask(node, script, board, timeout=TIMEOUT).values.get("bytes", "0"))

    def work(run: Run) -> None:
        nodes = [node for node in run.chosen(Known) if not _windows(node)]
        found = run.each("Measure the logs", nodes, lambda node, board: one(run, node, board))
        into.update({node.name: bytes_ for node, bytes_ in found.items()})
        total = sum(into.values())
        run.console.note(
            f"{size(total)} of logs are read from {hosts(len(into))}, at most {size(budget(run))} of each"
        )

    return Step("Measure the logs", work)


def collect(into: dict[str, Collected], budget: Callable[[Run], int], each: int) -> Step:
    """The step that fills in what each host says."""

    def one(run: Run, node: Known, board: Board) -> Collected:
        out = Collected()
        if _windows(node):
            files = patterns(["all"])
            script = logs_script(node.host, run.cluster.name, files, 500, follow=False, sudo=node.sudo)
        else:
            picked = pick_script(
                run.cluster.name, Query(WITH_ERRORS, 2000, 7 * DAY, errors=True), sudo=node.sudo
            )
            told = run.ask(node, picked, board, timeout=TIMEOUT)
            out.lines = [
                Line(node.name, key[4:], clean(text))
                for key, texts in told.texts.items()
                if key.startswith("log:")
                for text in texts
            ]
            script = collect_script(run.cluster.name, "all", budget(run), each, sudo=node.sudo)
        begun = time.time()
        answer = run.ask(node, script, board, timeout=TIMEOUT)
        if (clock := answer.values.get("clock", "")).isdigit():
            out.behind = begun - int(clock)
        for key, texts in answer.texts.items():
            kind, _, name = key.partition(":")
            out.texts[f"{'system' if kind == 'system' else 'logs'}/{name.replace(':', '/')}"] = texts
        return out

    def work(run: Run) -> None:
        found = run.each("Collect", run.chosen(Known), lambda node, board: one(run, node, board))
        into.update({node.name: one for node, one in found.items()})
        for node in filter(_windows, run.chosen(Known)):
            run.console.note(f"{node.name}: on Windows only the last 500 lines of each log are collected")

    return Step("Collect", work)


def _windows(node: Known) -> bool:
    return node.facts.system == "Windows"
