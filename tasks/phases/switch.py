"""The switch: all nodes stop together, and others take their place; if those do not work, the former ones do again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from tasks.node.kept import Kept, record, stage_script
from tasks.node.operations import stop_script
from tasks.phases.hooks import after_join
from tasks.phases.verify import stop_failed, verify
from tasks.plan.changes import Change
from tasks.report import handover
from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.kept import SHORT, changing, failed_on, undo, what
from tasks.run.record import GoesOn
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.run.start import STOP_TIMEOUT, start_all
from tasks.run.step import step


@step("Switch", changes=True)
def switch(run: Run) -> None:
    """After it, what was planned runs on all hosts; or, with an error, what ran before."""
    nodes = changing(run)
    if not nodes:
        verify(run)
        return
    _stage(run, "Begin the switch", nodes, "begin")
    if run.failed:
        undo(run, nodes)
        raise Stop(
            "nothing was restarted: the cluster keeps running unchanged", run.failure(run.failed[0]).hint
        )
    run.record.goes_on = GoesOn(
        "the switch was not ended: nodes may be down",
        (("rollback", "start what ran before"), ("status", "what runs where")),
    )
    for node in nodes:
        run.put(replace(node, desired=replace(node.desired, trying=True)))
    before = {node.name: run.learned.kept[node.name].started if node.runs else None for node in nodes}
    began = time.monotonic()
    _stop_together(run)
    why = _bring_up(run)
    run.learned.outage = time.monotonic() - began
    if why:
        _go_back(run, before, why, began)
    # from here on a host that fails here keeps running what it was switched to
    _settle(run, run.chosen(Planned))
    run.record.goes_on = None
    if found := failed_on(run):
        raise Stop(
            f"all nodes run Ray {run.head(Planned).versions.ray}, but what ran before was not kept on {found[0]}",
            found[1].hint,
        )


def _bring_up(run: Run) -> str:
    """Starts the planned nodes and runs a task on each; why that failed, '' if it did not."""
    try:
        if not run.failed:
            start_all(run)
        if not run.failed:
            run.learned.table.clear()
            verify(run)
    except Stop as stop:
        return str(stop)
    return "a node does not work" if run.failed else ""


def _stop_together(run: Run) -> None:
    def one(node: Planned, board: Board) -> None:
        run.ask(node, stop_script(run.cluster.name, sudo=node.sudo), board, timeout=STOP_TIMEOUT)
        run.did(node, "stopped")

    nodes = run.chosen(Planned)
    run.each("Stop all nodes", nodes, one)
    for node in nodes:
        run.put(replace(run.now(node), facts=replace(node.facts, active=False)))


def _go_back(run: Run, before: dict[str, Kept | None], why: str, began: float) -> None:
    """Starts what ran before.

    :param before: by the host's name; None: nothing ran there.
    :param why: the reason; that of the first host that has failed says more.
    :raises Stop: always, since what was wanted does not run.
    """
    first = failed_on(run)
    reason = f"{first[0]}: {first[1].message}" if first else why
    run.console.bad(f"{what(run)} failed: {reason}", "what ran before is started again")
    failures, run.record.failures = run.record.failures, {}
    _stop_together(run)
    idle = [node for node in run.every(Planned) if before[node.name] is None]
    undo(run, idle)
    kept = before[run.head().name]
    if kept is None:
        run.record.failures = failures
        raise Stop(f"{what(run)} failed: {reason}; no node runs", "fab rollback tries it again")
    run.leave_out(idle)
    for node in run.every(Planned):
        old = before[node.name].desired
        change = Change(False, True, ("go back",))
        run.put(replace(node, versions=old.versions, desired=old, change=change))
    head = run.head(Planned)
    run.learned.head_address, run.learned.request = kept.desired.head_address, kept.request
    failed = _bring_up(run)
    back = failed_on(run)
    if not failed:
        after_join(run)
        stop_failed(run)
    unhooked = handover.names(node.name for node in run.failed)
    run.record.failures = {**run.record.failures, **failures}
    seconds = f"{time.monotonic() - began:.0f} s"
    if failed:
        said = f"{back[0]}: {back[1].message}" if back else failed
        raise Stop(
            f"{what(run)} failed ({reason}), and so did going back ({said})",
            "fab rollback tries it again; fab status says what runs",
        )
    run.record.goes_on = None
    if unhooked:
        raise Stop(
            f"{what(run)} failed: {reason}; Ray {head.versions.ray} runs again, but a hook failed on {unhooked}",
            "correct the hook; fab start starts a worker that was stopped for it",
        )
    raise Stop(
        f"{what(run)} failed: {reason}; Ray {head.versions.ray} runs again on all hosts, after an outage of {seconds}",
        first[1].hint if first else "fab logs shows why",
    )


def _settle(run: Run, nodes: Sequence[Planned]) -> None:
    for node in nodes:
        run.put(replace(node, desired=replace(node.desired, trying=False)))
    _stage(run, "Keep what ran before", run.chosen(Planned), "settle")


def _stage(run: Run, title: str, nodes: Sequence[Planned], stage: str) -> None:
    def one(node: Planned, board: Board) -> None:
        text = record(node.desired, run.learned.request) if stage == "settle" else ""
        run.ask(node, stage_script(run.cluster.name, stage, text), board, timeout=SHORT)

    run.each(title, nodes, one)
