"""Bandwidth and latency between hosts: pairs in rounds, in each of which a host takes part in one pair only."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence

from tasks.node.health import speed_script
from tasks.plan.links import Speed
from tasks.report.console import Board
from tasks.run.failures import HostFailed
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.ssh import RemoteError

Pairs = Sequence[tuple[str, str]]
PATIENCE = 30.0  # seconds that a round may take besides the sending


def measure(
    run: Run,
    title: str,
    nodes: Sequence[Known],
    ends: Mapping[str, tuple[str, int]],
    rounds: Sequence[Pairs],
    *,
    seconds: float,
    cap: int,
) -> list[Speed]:
    """What was measured; a pair that does not answer is left out.

    :param ends: address and port of each host. :param cap: bytes that each pair sends at most.
    """
    token = secrets.token_hex(8)
    busy = [node for node in nodes if any(node.name in pair for pairs in rounds for pair in pairs)]
    # nobody begins a round before all have ended the one before
    gate = threading.Barrier(max(1, len(busy)))
    found: list[Speed] = []

    def one(node: Known, board: Board) -> None:
        for number, pairs in enumerate(rounds, 1):
            pair = next((pair for pair in pairs if node.name in pair), None)
            if pair is not None:
                board.step(node.name, f"measuring, {number} of {len(rounds)} rounds")
                found.extend(_end(run, node, pair, ends, f"{token}-{number}", seconds, cap))
            try:
                gate.wait(seconds + PATIENCE + 10)
            except threading.BrokenBarrierError:
                return

    run.each(title, busy, one, together=True)
    return found


def _end(
    run: Run,
    node: Known,
    pair: tuple[str, str],
    ends: Mapping[str, tuple[str, int]],
    token: str,
    seconds: float,
    cap: int,
) -> list[Speed]:
    """One end of one pair. A host on which it fails takes part in the next round."""
    source, target = pair
    takes = node.name == target
    script = speed_script(
        run.cluster.name,
        token=token,
        seconds=seconds,
        cap=cap,
        listen=ends[target][1] if takes else None,
        target=None if takes else ends[target],
        version6=":" in ends[target][0],
    )
    try:
        answer = run.ask(node, script, timeout=seconds + PATIENCE)
    except (HostFailed, RemoteError):
        return []
    rate, _, trip = answer.values.get("speed", "").partition(" ")
    return [Speed(source, target, float(rate), float(trip))] if rate.isdigit() and trip.isdigit() else []
