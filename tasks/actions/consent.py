"""One question before anything is destroyed or running work ends; ``--yes`` answers it beforehand."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tasks.actions.ask import on_terminal
from tasks.commandline import Mistake
from tasks.language import said
from tasks.report import typed
from tasks.report.console import Console
from tasks.run.failures import Stop


def can_ask() -> bool:
    """Whether a person sees the question, which stands on standard error, and can answer it."""
    return on_terminal(sys.stderr)


def insist(task: str, yes: bool) -> None:
    """For what always asks: refused before anything is connected, where nobody can be asked."""
    if not yes and not can_ask():
        raise Mistake(
            f"{task} needs --yes where there is no terminal: nothing was changed", typed.again("--yes")
        )


class Consent:
    """Asks once for each question; raises Stop unless the answer is yes."""

    def __init__(self, console: Console, yes: bool) -> None:
        self.console, self.yes = console, yes

    def __call__(self, lines: Sequence[str], question: str) -> None:
        # a question is seen wherever the output goes
        console = self.console if self.yes or not can_ask() else Console(sys.stderr)
        for number, line in enumerate(lines):
            console.note(line) if number == 0 else console.print(f"  {line}")
        if self.yes:
            return
        if not can_ask():
            raise Stop(
                f"{question}, and there is no terminal to ask on: nothing was changed",
                typed.again("--yes"),
                2,
            )
        if not answered("Continue? [y/N] "):
            raise Stop("nothing was changed", "y goes on; --yes answers beforehand")


def job_ends() -> bool:
    """Asks after Ctrl-C; an empty answer, and another Ctrl-C, leave the job alone."""
    return answered("\nStop the job, too? It goes on otherwise. [y/N] ")


def answered(prompt: str) -> bool:
    """True for a line with y or yes alone; an empty answer and the end of the input are no."""
    # not input(), which asks on standard output
    sys.stderr.write(said(prompt))
    sys.stderr.flush()
    try:
        answer = sys.stdin.readline()
    except (OSError, ValueError):
        answer = ""
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
        return False
    return answer.strip().lower() in ("y", "yes")
