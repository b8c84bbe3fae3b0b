"""Disk: what takes up space on each host, and the removal of what nothing needs."""

from __future__ import annotations

from tasks.node.operations import disk_script
from tasks.report.console import Board
from tasks.run.disk import Usage, parse_usage
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step, step

TIMEOUT = 600.0  # a large folder on a slow disk


def look(found: dict[str, Usage], mode: str) -> Step:
    """The step that fills ``found`` by the names of hosts.

    :param mode: sizes: all that takes up space; list: what :func:`clean` would remove.
    """
    title = "Measure what takes up space" if mode == "sizes" else "Look for what nothing needs"
    return step(title)(lambda run: _each(run, found, title, mode))


def clean(found: dict[str, Usage]) -> Step:
    """The step that removes what nothing needs; a dry run only lists it."""
    title = "Remove what nothing needs"
    return step(title, changes=True, dry_run=look(found, "list"))(
        lambda run: _each(run, found, title, "clean")
    )


def _each(run: Run, found: dict[str, Usage], title: str, mode: str) -> None:
    def one(node: Known, board: Board) -> Usage:
        script = disk_script(node.host, run.cluster.name, mode, sudo=node.sudo)
        answer = run.ask(node, script, board, timeout=TIMEOUT)
        return parse_usage(answer.all, answer.texts)

    for node, usage in run.each(title, run.chosen(Known), one).items():
        found[node.name] = usage
        if freed := sum(one.size for one in usage.items if one.state == "removed"):
            run.did(node, f"freed {freed} bytes")
