"""Reads Ray's own node table from the head, and the logs of nodes that are not in it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from tasks.node.operations import logs_script, verify_script
from tasks.report.console import Board
from tasks.report.lines import clean
from tasks.run.failures import Failure, HostFailed
from tasks.run.run import Run
from tasks.run.stages import Known, Planned, Reached

LAST_WORDS = ("start", "raylet.out", "raylet.err", "gcs_server.out", "gcs_server.err")


def expected(run: Run) -> list[Planned]:
    """The nodes that must be in the table: those that this run may change, and those that were already running."""
    return [node for node in run.living(Planned) if run.may_change(node) or node.facts.active]


def ask_ray(run: Run, *, tasks: bool, patience: float) -> None:
    """Fills in the table, and the entry of each planned host.

    :param tasks: also run a task on each node.
    :param patience: seconds to wait for the expected nodes.
    """
    expect = [node.desired.node_ip for node in expected(run)]
    address = run.learned.head_address

    def one(node: Known, board: Board) -> list[str]:
        script = verify_script(
            run.cluster.name, address, expect, tasks=tasks, timeout=patience, sudo=node.sudo
        )
        answer = run.ask(node, script, board, timeout=patience + 60.0)
        if not any('"done"' in line for line in answer.texts.get("answer", ())):
            log = tuple(answer.texts.get("log", ()))
            why = log[-1].strip() if log else "the driver returned nothing"
            raise HostFailed(
                Failure(f"Ray's head does not answer: {why}", f"fab logs --host {node.name}", log)
            )
        return answer.texts["answer"]

    head = run.head(Known)
    for line in run.each("Verify" if tasks else "Ask Ray", [head], one).get(head, ()):
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("done"):
                run.learned.versions = {"ray": entry["ray"], "python": entry["python"]}
            else:
                run.learned.table.append(entry)
    by_ip: dict[str, dict[str, Any]] = {}
    for entry in run.learned.table:
        # a restarted node is in the table twice, and its old entry may still count as alive
        known = by_ip.get(entry["node_ip"])
        if known is None or _rank(entry) > _rank(known):
            by_ip[entry["node_ip"]] = entry
    for node in run.every(Planned):
        if entry := by_ip.get(node.desired.node_ip):
            run.learned.ray_nodes[node.name] = entry


def _rank(entry: dict[str, Any]) -> tuple[bool, bool]:
    return "task" in entry, entry["alive"]


def last_lines(run: Run, node: Reached, lines: int = 8) -> tuple[str, ...]:
    """The last lines of the logs that explain why a node is not in the table."""
    with contextlib.suppress(Exception):
        script = logs_script(node.host, run.cluster.name, LAST_WORDS, lines, follow=False, sudo=node.sudo)
        answer = run.try_ask(node, script, timeout=30.0)
        found = [line for key, texts in answer.texts.items() if key.startswith("log:") for line in texts]
        return tuple(clean(line) for line in found if line.strip())[-lines:]
    return ()
