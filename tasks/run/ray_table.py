"""Reads Ray's own node table from the head, and the logs of nodes that are not in it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence

from tasks import runtimes
from tasks.node import ray
from tasks.node.logfiles import Query
from tasks.node.operations import logs_script, pick_script, verify_script
from tasks.plan.members import Member, anywhere, assign
from tasks.report.console import Board
from tasks.report.lines import clean
from tasks.report.reasons import telling
from tasks.report.verdict import HANGS
from tasks.run.failures import Failure, HostFailed
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Planned, Reached

LAST_WORDS = (
    "start",
    "raylet.out",
    "raylet.err",
    "gcs_server.out",
    "gcs_server.err",
    "ray_process_exit.log",
)


def expected(run: Run) -> list[Planned]:
    """The nodes that must be in the table: those that this run may change, and those that were already running."""
    return [node for node in run.living(Planned) if run.may_change(node) or node.facts.active]


def members(run: Run) -> list[Member]:
    """How the node of each host is known in Ray's table; a host on which nothing is deployed has none."""
    known = {node.name: node for node in [*run.every(), *run.record.left_out]}
    return [one for host in run.cluster.hosts if (one := _member(known.get(host.name) or Listed(host)))]


def _member(node: Listed) -> Member | None:
    name = ray.node_name(node.host)
    if isinstance(node, Planned):
        node_id = "" if node.change.start else runtimes.of(node.host).life(node.facts).node_id
        return Member(node.name, name, anywhere(node.desired.node_ip), node_id)
    if isinstance(node, Known):
        if not node.state:
            return None
        start = node.state.get("start")
        if name == node.name and isinstance(start, dict):
            # the hosts file may have another name by now
            name = start.get("args", {}).get("--node-name", name)
        life = runtimes.of(node.host).life(node.facts)
        return Member(node.name, name, anywhere(node.state.get("node_ip", "")), life.node_id)
    # nothing was read from the host: its address may differ from the one in the hosts file
    return Member(node.name, name, "")


def ask_ray(run: Run, *, tasks: bool, patience: float, expect: Sequence[Member], answer: float) -> None:
    """Fills in the table, and the entry of each host.

    :param tasks: run a task on each node; otherwise only on the expected ones, unless one has run there before.
    :param patience: seconds to wait for the expected nodes.
    :param answer: seconds within which the GCS must answer.
    """
    address = run.learned.head_address
    pairs = [(member.name, member.address) for member in expect]

    def one(node: Known, board: Board) -> list[str]:
        script = verify_script(
            run.cluster.name, address, pairs, tasks=tasks, timeout=patience, answer=answer, sudo=node.sudo
        )
        answered = run.ask(node, script, board, timeout=patience + answer + 30.0)
        lines = answered.texts.get("answer", ())
        if not any('"done"' in line for line in lines):
            raise HostFailed(_no_answer(node, lines, tuple(answered.texts.get("log", ()))))
        return lines

    head = run.head(Known)
    for line in run.each("Verify" if tasks else "Ask Ray", [head], one).get(head, ()):
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("done"):
                run.learned.versions = {"ray": entry["ray"], "python": entry["python"]}
            elif "node_ip" in entry:
                run.learned.table.append(entry)
    run.learned.ray_nodes = dict(assign(run.learned.table, members(run)))


def _no_answer(head: Known, lines: Sequence[str], log: tuple[str, ...]) -> Failure:
    """Why the driver on the head has found no table."""
    said = [line.strip() for line in log if line.strip()]
    hangs = any('"asked"' in line for line in lines) and not any('"answered"' in line for line in lines)
    # the driver ends itself where the GCS hangs, and prints where it was
    if hangs and (not said or re.match(r'File ".*", line \d+ in \S+$', said[-1])):
        hint = f"fab logs --host {head.name} --component gcs shows its log; fab restart starts it and every node again"
        return Failure(HANGS, hint)
    why = said[-1] if said else "the driver returned nothing"
    lines = telling({"driver": [clean(line) for line in log]})
    return Failure(f"Ray's head does not answer: {why}", f"fab logs --host {head.name}", lines)


def last_lines(run: Run, node: Reached, lines: int = 60) -> tuple[str, ...]:
    """The lines of the last ones in the node's logs that say why it does not work."""
    with contextlib.suppress(Exception):
        if node.connection.system == "windows":
            script = logs_script(node.host, run.cluster.name, LAST_WORDS, lines, follow=False, sudo=node.sudo)
        else:
            script = pick_script(run.cluster.name, Query(LAST_WORDS, lines), sudo=node.sudo)
        answer = run.try_ask(node, script, timeout=30.0)
        logs = {key[4:]: texts for key, texts in answer.texts.items() if key.startswith("log:")}
        return telling({name: [clean(line) for line in texts] for name, texts in logs.items()})
    return ()
