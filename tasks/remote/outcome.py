"""Words for a script that did not come to its own end; the same for far hosts and this machine."""

from __future__ import annotations

from tasks.remote.answer import Answer
from tasks.remote.errors import StepTimeout
from tasks.remote.protocol import Reader


def timed_out(name: str, reader: Reader, timeout: float) -> StepTimeout:
    reader.close()
    where = f" in step '{reader.step}'" if reader.step else ""
    return StepTimeout(
        f"{name} timed out after {timeout:g} s{where}", "run again; what was done stays done", reader.step
    )


def explain(answer: Answer, status: int | None) -> None:
    """Fills in why a script that never came to its own end did not."""
    said = " | ".join([line for line in answer.stderr.splitlines() if line.strip()][-3:])
    how = "was cut off" if status is None else f"ended early with status {status}"
    answer.status = status
    answer.ok = False
    answer.error = answer.error or f"the script {how}" + (f": {said}" if said else "")
