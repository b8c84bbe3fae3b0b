"""Errors for scripts that were interrupted or timed out; the same over ssh and on this machine."""

from __future__ import annotations

from tasks.script.answer import Answer
from tasks.script.protocol import Reader
from tasks.ssh.errors import StepTimeout, Unfinished


def timed_out(name: str, reader: Reader, timeout: float) -> StepTimeout:
    """The error for a script that took longer than ``timeout`` seconds; it names the step that it was in."""
    reader.close()
    where = f" in step '{reader.step}'" if reader.step else ""
    return StepTimeout(f"{name} timed out after {timeout:g} s{where}", StepTimeout.WAY_OUT, reader.step)


def conclude(name: str, answer: Answer) -> Answer:
    """Returns the answer of a script that ran to completion.

    :raises Unfinished: the script was interrupted, even if the shell's exit status is 0 or missing.
    """
    if not answer.ended:
        answer.hint = answer.hint or Unfinished.WAY_OUT
        raise Unfinished(f"{name}: {answer.error}", answer.hint, answer)
    return answer
