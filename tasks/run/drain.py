"""Drain nodes: hold them back, let Ray move what it can, wait for the rest, and stop what is left at the deadline.

A drained raylet leaves at a moment that nobody knows, and a supervisor that starts it again would undo the drain. So
the hold comes first, and only then the drain.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence

from tasks import runtimes
from tasks.inventory import ray_versions
from tasks.node.hold import Hold, hold_script
from tasks.node.operations import drain_script, stop_script
from tasks.node.work import UNKNOWN
from tasks.report import handover
from tasks.report.console import Board
from tasks.report.lines import clean
from tasks.run.failures import Failure, HostFailed
from tasks.run.ray_table import members
from tasks.run.run import Run
from tasks.run.stages import Known, Reached
from tasks.run.start import STOP_TIMEOUT
from tasks.run.work import work_ended
from tasks.text.durations import spelled

MARGIN = 180.0  # seconds beyond the deadline within which the driver ends


def can_drain(run: Run) -> bool:
    """Whether the Ray of this cluster knows a drain. One that has never started is asked for nothing."""
    head = run.head()
    return not isinstance(head, Known) or ray_versions.has_drain(head.state.get("ray") or "0")


def not_drained(run: Run) -> str:
    """Why nodes are stopped without a drain; '' if they are drained."""
    head = run.head()
    if run.options.deadline is None:
        return ""
    if not isinstance(head, Known) or run.failure(head):
        return "the head cannot be reached, so nothing is drained"
    if not head.facts.active or not head.state.get("head"):
        return "the head does not run, so there is nothing to drain"
    if not can_drain(run):
        return f"Ray {head.state.get('ray')} cannot drain a node, so its work ends at once: Ray 2.10 and later can"
    return ""


def reason(run: Run, kind: str) -> Hold:
    """The hold that this run puts on nodes."""
    since = time.strftime("%Y-%m-%d %H:%M %Z").strip()
    return Hold(kind, since, run.options.user, run.options.why)


def why(run: Run) -> str:
    """The reason that Ray records for a drain."""
    return f"fab {run.options.what.split()[0]} by {run.options.user or 'somebody'}"


def hold(run: Run, nodes: Sequence[Reached], reason: Hold) -> list[Reached]:
    """Holds nodes back; those on which it has worked."""

    def one(node: Reached, board: Board) -> None:
        script = hold_script(run.cluster.name, reason, sudo=node.sudo)
        run.ask(node, script, board, timeout=60.0)

    return list(run.each("Hold the nodes back", nodes, one))


def release(run: Run, nodes: Sequence[Reached]) -> list[Reached]:
    """Ends the hold of stopped nodes; those on which it has worked."""

    def one(node: Reached, board: Board) -> None:
        run.ask(node, hold_script(run.cluster.name, None, sudo=node.sudo), board, timeout=60.0)

    return list(run.each("End the hold", nodes, one))


def drain(run: Run, nodes: Sequence[Known], why: str) -> None:
    """Drains workers that run, and says what their deadline ends. What cannot be drained is only said."""
    nodes = [node for node in nodes if _running(node)]
    seconds = run.options.deadline
    if not nodes or seconds is None or not_drained(run):
        return
    known = {member.host: member for member in members(run)}
    # whatever the plan says, they run now: their raylets' ids count
    asked = [
        (known[n.name].name, known[n.name].address, runtimes.of(n.host).life(n.facts).node_id)
        for n in nodes
        if n.name in known
    ]
    head = run.head(Known)
    address = head.state["head"]
    script = drain_script(run.cluster.name, address, asked, seconds=seconds, why=why, sudo=head.sudo)

    def one(node: Known, board: Board) -> list[dict]:
        answer = run.ask(node, script, board, timeout=seconds + MARGIN)
        found = [entry for line in answer.texts.get("answer", ()) if (entry := _read(line))]
        if not any("done" in entry for entry in found):
            log = [clean(line.strip()) for line in answer.texts.get("log", ()) if line.strip()]
            why_not = log[-1] if log else "the driver returned nothing"
            hint = f"fab logs --host {node.name} --component gcs says more; --force and fab stop do not drain"
            raise HostFailed(Failure(f"the drain did not work: {why_not}", hint))
        return found

    title = f"Drain {handover.names(node.name for node in nodes)}"
    answers = run.each(title, [head], one)
    by_name = {known[node.name].name: node for node in nodes if node.name in known}
    late = []
    for entry in answers.get(head, ()):
        node = by_name.get(entry.get("node", ""))
        if node is None:
            continue
        if "refused" in entry:
            run.console.note(f"{node.name}: Ray refused the drain: {clean(entry['refused'])}")
        elif entry.get("there") is False:
            run.console.note(f"{node.name}: not in Ray's node table, so there is nothing to drain")
        elif entry["left"] is None:
            late.append(node)
        else:
            run.did(node, "drained")
    _say_late(run, late, seconds)


def _say_late(run: Run, late: Sequence[Known], seconds: int) -> None:
    """At the deadline: what ends now because it was not done."""
    if not late:
        return
    names = handover.names(node.name for node in late)
    lines = [line for line in work_ended(run, late) if not line.startswith(UNKNOWN)]
    what = "; it ends now:" if lines else "; its raylet is stopped now"
    run.console.note(f"{names}: still at work after {spelled(seconds)}{what}")
    for line in lines:
        run.console.print(f"    {line}")


def _running(node: Known) -> bool:
    return bool(node.facts.active and runtimes.of(node.host).life(node.facts).raylet is not False)


def _read(line: str) -> dict:
    with contextlib.suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict):
            return found
    return {}


def stop_nodes(run: Run, nodes: Sequence[Reached], title: str = "Stop Ray") -> list[Reached]:
    """Stops nodes, and keeps them from starting at the next boot; those on which it has worked."""

    def one(node: Reached, board: Board) -> None:
        answer = run.ask(node, stop_script(run.cluster.name, sudo=node.sudo), board, timeout=STOP_TIMEOUT)
        if answer.values.get("changed") == "1":
            run.did(node, "stopped")

    return list(run.each(title, nodes, one))
