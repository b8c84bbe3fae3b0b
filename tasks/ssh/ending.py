"""Errors for scripts that were interrupted or timed out; the same over ssh and on this machine."""

from __future__ import annotations

from tasks.script.answer import Answer
from tasks.script.protocol import Reader
from tasks.ssh.errors import StepTimeout, Unfinished

ANOTHER = "another `user:` in the hosts file, or have its shell and its start-up files changed"


def timed_out(name: str, reader: Reader, timeout: float) -> StepTimeout:
    """The error for a script that took longer than ``timeout`` seconds; it names the step that it was in."""
    answer = reader.close()
    if not reader.began:
        words = answer.words()
        said = f"; it said: {words}" if words else ""
        return StepTimeout(
            f"{name}: the login has run nothing within {timeout:g} s{said}",
            "do its start-up files wait for something? " + ANOTHER,
        )
    where = f" in step '{reader.step}'" if reader.step else ""
    return StepTimeout(
        f"{name} timed out after {timeout:g} s{where}", "run again; finished work is kept", reader.step
    )


def conclude(name: str, user: str, answer: Answer) -> Answer:
    """Returns the answer of a script that ran to completion.

    :param user: who is logged in.
    :raises Unfinished: the script was interrupted, even if the shell's exit status is 0 or missing.
    """
    if not answer.began:
        explain(user, answer)
    if not answer.ended:
        raise Unfinished(f"{name}: {answer.error}", answer.hint, answer)
    return answer


def explain(user: str, answer: Answer) -> None:
    """Sets the error of an answer whose script never began: no shell read it, whatever the login has done instead."""
    words = answer.words()
    if "RF_MARK" in words:  # another program has read the script, and complains of it
        answer.error = f"the start-up files of {user} start another program: {words}"
        answer.hint = "let them do so on terminals only, as in: [ -t 0 ] && exec fish"
        return
    how = "killed" if answer.status is None else f"status {answer.status}"
    answer.error = f"the login of {user} does not run commands: {words or f'it said nothing ({how})'}"
    answer.hint = ANOTHER
