"""Words for a script that did not come to its own end; the same for far hosts and this machine."""

from __future__ import annotations

from tasks.script.answer import Answer
from tasks.script.protocol import Reader
from tasks.ssh.errors import StepTimeout


def timed_out(name: str, reader: Reader, timeout: float) -> StepTimeout:
    reader.close()
    where = f" in step '{reader.step}'" if reader.step else ""
    return StepTimeout(
        f"{name} timed out after {timeout:g} s{where}", "run again; finished work is kept", reader.step
    )


def explain(answer: Answer, ended: bool, status: int | None) -> None:
    """Fills in why the script failed, where it did not say so itself. `status` is its shell's."""
    if answer.ok:
        return
    if not ended:
        answer.status = status
    if not answer.error:
        said = " | ".join([line for line in answer.stderr.splitlines() if line.strip()][-3:])
        early = "" if ended else " early"
        how = "was killed" if answer.status is None else f"ended{early} with status {answer.status}"
        answer.error = f"the script {how}" + (f": {said}" if said else "")
