"""Verify: every node is alive in Ray's own node table, and a real task ran on each."""

from __future__ import annotations

import contextlib
import json

from tasks.node.operations import logs_script, verify_script
from tasks.report.console import Board
from tasks.report.lines import clean
from tasks.run.run import Failure, HostFailed, Node, Run, Stop

title = "Verify"
PATIENCE = 60.0
LAST_WORDS = ("start", "raylet.out", "raylet.err", "gcs_server.out", "gcs_server.err")


def run(run: Run) -> None:
    ask_ray(run, tasks=True, patience=PATIENCE)
    if run.head.failure is not None:
        raise Stop(
            "the head does not answer, so it is unknown which nodes have joined", run.head.failure.hint
        )
    missing = [n for n in expected(run) if not _good(n)]
    for node in missing:
        why = "did not join the cluster"
        if node.ray_node is not None:
            why = f"could not run a task: {node.ray_node.get('task_error', 'no answer in time')}"
            if not node.ray_node["alive"]:
                why = f"left the cluster: {node.ray_node['reason'] or 'Ray reports it as dead'}"
        log = last_words(run, node)
        run.fail(node, Failure(why, f"fab logs --host {node.name}", log))
        run.console.bad(f"{node.name}: {why}", f"fab logs --host {node.name}")


def expected(run: Run) -> list[Node]:
    """The nodes that have to be there: those that this run may change, and those that ran before it."""
    return [n for n in run.living if n.desired and (n in run.chosen or n.facts.active)]


def _good(node: Node) -> bool:
    return node.ray_node is not None and node.ray_node["alive"] and "task" in node.ray_node


def ask_ray(run: Run, *, tasks: bool, patience: float) -> None:
    """Fills ``run.table`` and each node's ``ray_node`` from Ray's own node table."""
    expect = [n.desired.node_ip for n in expected(run)]

    def one(node: Node, board: Board) -> list[str]:
        script = verify_script(
            run.cluster.name, run.head_address, expect, tasks=tasks, timeout=patience, sudo=node.sudo
        )
        answer = run.ask(node, script, board, timeout=patience + 60.0)
        if not any('"done"' in line for line in answer.texts.get("answer", ())):
            log = tuple(answer.texts.get("log", ()))
            why = log[-1].strip() if log else "the driver returned nothing"
            raise HostFailed(
                Failure(f"Ray's head does not answer: {why}", f"fab logs --host {node.name}", log)
            )
        return answer.texts["answer"]

    lines = run.each(title if tasks else "Query Ray", [run.head], one).get(run.head, ())
    for line in lines:
        with contextlib.suppress(ValueError):
            said = json.loads(line)
            if said.get("done"):
                run.runtime = {"ray": said["ray"], "python": said["python"]}
            else:
                run.table.append(said)
    by_ip: dict[str, dict] = {}
    for entry in run.table:
        # a host that was started over is in the table twice, and its former self may still count as alive
        known = by_ip.get(entry["node_ip"])
        if known is None or _rank(entry) > _rank(known):
            by_ip[entry["node_ip"]] = entry
    for node in run.nodes:
        if node.desired is not None:
            node.ray_node = by_ip.get(node.desired.node_ip)


def _rank(entry: dict) -> tuple[bool, bool]:
    return "task" in entry, entry["alive"]


def last_words(run: Run, node: Node, lines: int = 8) -> tuple[str, ...]:
    """The last lines of the logs that say why a node is not there."""
    with contextlib.suppress(Exception):
        script = logs_script(node.host, run.cluster.name, LAST_WORDS, lines, follow=False, sudo=node.sudo)
        answer = run.try_ask(node, script, None, timeout=30.0)
        found = [line for key, texts in answer.texts.items() if key.startswith("log:") for line in texts]
        return tuple(clean(line) for line in found if line.strip())[-lines:]
    return ()
