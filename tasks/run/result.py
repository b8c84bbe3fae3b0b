"""What a run has done, for other programs: the result of ``--events`` and of ``notify``."""

from __future__ import annotations

from typing import Any

from tasks.run.failures import Failure
from tasks.run.run import Run

OK, FAILED, WRONG, LOCKED, INTERRUPTED = 0, 1, 2, 3, 130
WORDS = {OK: "ok", FAILED: "failed", WRONG: "refused", LOCKED: "locked", INTERRUPTED: "interrupted"}


def result(run: Run, code: int, seconds: float) -> dict[str, Any]:
    """As ``schemas/events.json`` has it.

    :param code: the exit status.
    :param seconds: how long the run took.
    """
    nodes = {node.name: node for node in [*run.every(), *run.record.left_out, *run.record.gone]}
    return {
        "command": run.options.what,
        "cluster": run.cluster.name,
        "who": run.options.user,
        "dry_run": run.options.dry_run,
        "status": code,
        "outcome": WORDS.get(code, WORDS[FAILED]),
        "seconds": round(seconds, 1),
        "error": as_json(run.record.why),
        "hosts": [
            {
                "host": name,
                "role": node.host.role,
                "did": list(run.done(node)),
                "error": as_json(run.failure(node)),
            }
            for name, node in nodes.items()
        ],
    }


def as_json(failure: Failure | None) -> dict[str, str] | None:
    """A failure without the lines of its log."""
    return {"message": failure.message, "hint": failure.hint} if failure else None
