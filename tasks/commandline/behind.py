"""The program and its arguments after ``--``, or in ``--command`` as one text."""

from __future__ import annotations

import shlex

from tasks.commandline.line import line
from tasks.commandline.mistakes import SHELL_SIGNS, Mistake
from tasks.text.quoting import printed
from tasks.text.wording import shown


def arguments_of(command: str | None) -> list[str]:
    """The arguments after ``--`` on the command line, or those in ``--command``; empty if there are none."""
    if command and line.remainder:
        raise Mistake("a command was given both in --command and after --", "keep one of them")
    try:
        return shlex.split(command) if command else list(line.remainder)
    except ValueError as error:
        raise Mistake(
            f"--command: {str(error)[:1].lower()}{str(error)[1:]}", "quote it as for a shell"
        ) from None


def program_and_arguments(command: str | None, task: str, example: str) -> list[str]:
    """Like :func:`arguments_of`; refuses an empty list, and a single argument that is a shell command line.

    :param example: a command that is shown in the error if there are no arguments.
    """
    arguments = arguments_of(command)
    if not arguments:
        raise Mistake(f"{task} needs a command after --", f"fab {task} -- {example}")
    if len(arguments) == 1 and SHELL_SIGNS.search(arguments[0]):
        raise Mistake(
            f"{task} runs a program with arguments, not a shell command line: {shown(arguments[0])}",
            f"fab {task} -- sh -c {printed(arguments[0])}",
        )
    return arguments
