"""Test the head: kill its GCS, then all of it, and see what survives on a worker."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

from tasks.node.operations import kill_script, outlive_script
from tasks.report import handover
from tasks.report.console import Board
from tasks.report.lines import clean
from tasks.run.failures import Failure, HostFailed, Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step
from tasks.run.work import work_ended
from tasks.ssh import RemoteError

LIMIT = 40.0  # seconds for one look
BACK = 180.0  # seconds within which the head must be back
KILLS = (("gcs", "the GCS"), ("all", "the whole head"))
LOST = (
    "lost, since this head's state is in memory: every worker's node, all actors, placement groups and jobs"
)


@step("Ask before the head is killed")
def agree_to_kill(run: Run) -> None:
    """Always asks: what runs on the head ends in any case."""
    head = run.head(Known)
    if head.facts.system == "Windows":
        raise Stop("test-head is not available for a head on Windows yet", "a head on Linux")
    if not head.state or not head.facts.active:
        raise Stop("the head does not run, so there is nothing to test", "fab deploy-cluster starts it")
    run.record.ends = work_ended(run, [head], kept=_kept(head))
    lines = [
        f"test-head kills the head of {run.cluster.name} on {head.name}, twice; its supervisor starts it again"
    ]
    if not _kept(head):
        lines.append(LOST)
    if run.record.ends:
        lines += ["this ends:", *(f"  {line}" for line in run.record.ends)]
    if not run.options.dry_run:
        run.options.agree(lines, f"kill the head of {run.cluster.name}")


@step("Kill the head", changes=True)
def kill_gcs_and_head(run: Run) -> None:
    """Fails if something that should have survived did not."""
    head, wrong = run.head(Known), []
    found = _one_look(run, head, "make")
    if not found["nodes"]:
        run.console.note(
            "there is no worker, and what runs on the head ends with it: only the head's return is tested"
        )
    try:
        for what, name in KILLS:
            now, seconds = _kill(run, head, what, name, found)
            lost = _lost(found, now) if found["nodes"] else []
            kept = [one for one in ("nodes", "the actor", "the placement group") if one not in lost]
            says = f"survived: {handover.names(kept)}" if kept and found["nodes"] else ""
            lost_says = f"lost: {handover.names(lost)}" if lost else ""
            text = "; ".join(part for part in (says, lost_says) if part)
            if lost and _kept(head):
                wrong += lost
                run.console.bad(f"{name} was killed and back after {seconds:.0f} s; {text}")
            else:
                run.console.ok(f"{name} was killed and back after {seconds:.0f} s", text)
            if lost and what != KILLS[-1][0]:
                found = _one_look(run, head, "make")
    finally:
        with contextlib.suppress(HostFailed, RemoteError, Stop):
            _one_look(run, head, "clean")
    if wrong:
        raise Stop(
            f"did not survive: {handover.names(dict.fromkeys(wrong))}",
            "fab logs --component gcs,start says more",
        )


def _kept(head: Known) -> bool:
    decided = head.state.get("head_state")
    return isinstance(decided, dict) and decided.get("kept") is True


def _kill(
    run: Run, head: Known, what: str, name: str, before: dict[str, Any]
) -> tuple[dict[str, Any], float]:
    """What is there once the head is back, and after how many seconds it was."""

    def one(node: Known, board: Board) -> tuple[dict[str, Any], float]:
        run.ask(node, kill_script(run.cluster.name, what, sudo=node.sudo), board, timeout=60.0)
        start = time.monotonic()
        while True:
            why = "it does not answer"
            try:
                now = _look(run, node, board, "look")
                seconds = time.monotonic() - start
                # nodes that have to join again may need a moment longer than the head
                if len(now["nodes"]) >= len(before["nodes"]) or seconds > BACK / 2:
                    return now, seconds
            except (HostFailed, RemoteError) as error:
                why = str(error)
            if time.monotonic() - start > BACK:
                raise HostFailed(
                    Failure(f"not back within {BACK:.0f} s: {why}", f"fab logs --host {node.name}")
                )
            board.step(node.name, f"waiting for the head, {time.monotonic() - start:.0f} s")
            time.sleep(1)

    answers = run.each(f"Kill {name}", [head], one)
    if head not in answers:
        raise Stop(f"{name} did not come back", f"fab logs --host {head.name} --component start,gcs says why")
    return answers[head]


def _one_look(run: Run, head: Known, do: str) -> dict[str, Any]:
    title = {"make": "Make an actor and a placement group", "clean": "Remove them"}[do]
    answers = run.each(title, [head], lambda node, board: _look(run, node, board, do))
    if head not in answers:
        raise Stop("the head did not do that", f"fab logs --host {head.name}")
    return answers[head]


def _look(run: Run, node: Known, board: Board, do: str) -> dict[str, Any]:
    script = outlive_script(run.cluster.name, do, node.state.get("head", ""), limit=LIMIT, sudo=node.sudo)
    answer = run.ask(node, script, board, timeout=LIMIT + 30.0)
    for line in answer.texts.get("answer", ()):
        with contextlib.suppress(ValueError):
            return json.loads(line)
    log = [line.strip() for line in answer.texts.get("log", ()) if line.strip()]
    why = clean(log[-1]) if log else "no reason given"
    hint = f"fab logs --host {node.name} --component gcs,start shows more"
    raise HostFailed(Failure(f"Ray's head does not answer: {why}", hint))


def _lost(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is not the same as before; a group counts once Ray has all of it."""
    actor = before["actor"] and now["actor"] and before["actor"][0] == now["actor"][0]
    same = {
        "nodes": set(before["nodes"]) <= set(now["nodes"]),
        "the actor": bool(actor) and now["actor"][1] > before["actor"][1],
        "the placement group": before["groups"] == now["groups"] != [],
    }
    return [name for name, kept in same.items() if not kept]
