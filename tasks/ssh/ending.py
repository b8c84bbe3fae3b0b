"""What it means that a script did not come to its own end; the same for hosts behind ssh and for this machine."""

from __future__ import annotations

from tasks.script.answer import Answer
from tasks.script.protocol import Reader
from tasks.ssh.errors import StepTimeout, Unfinished


def timed_out(name: str, reader: Reader, timeout: float) -> StepTimeout:
    """The error for a script that took longer than ``timeout`` seconds; it names the step that it was in."""
    reader.close()
    where = f" in step '{reader.step}'" if reader.step else ""
    return StepTimeout(
        f"{name} timed out after {timeout:g} s{where}", "run again; finished work is kept", reader.step
    )


def conclude(name: str, answer: Answer) -> Answer:
    """The answer of a script that came to its own end.

    :raises Unfinished: it did not. That is a failure even where the shell's exit status is 0 or missing.
    """
    if not answer.ended:
        raise Unfinished(f"{name}: {answer.error}", answer.hint, answer)
    return answer
