"""What failed while a task ran, as lines for the person who started it."""

from __future__ import annotations

import signal
import traceback
from pathlib import Path

from fabric.exceptions import GroupException
from invoke import Exit
from invoke.exceptions import AuthFailure, CommandTimedOut, Failure, ThreadException, UnexpectedExit

from tasks.language import said
from tasks.report.typed import as_typed
from tasks.text.wording import printable, shown

OWN = "my_tasks"
INTERRUPTED = 130  # the usual exit status of a program that was ended by Ctrl-C


def per_host(error: GroupException) -> list[str]:
    """A line for each failed host with the reason, and one with the fix if there is a known one."""
    lines = []
    for connection, failure in error.result.failed.items():
        lines += of_host(host_name(connection), failure)
    return lines


def of_task(error: BaseException) -> list[str]:
    """A command or a connection that failed in a task, with its host and the place in the user's own code."""
    connection = getattr(getattr(error, "result", None), "connection", None)
    host = f"{host_name(connection)}: " if connection is not None else ""
    where = place(error)
    lines = [f"✗ {host}{said(reason(error), own=False)}{f' ({where})' if where else ''}"]
    return lines + _fix(error)


def of_host(name: str, error: BaseException) -> list[str]:
    """One host's failure: what failed, and the fix if there is a known one."""
    return [f"✗ {name}: {said(reason(error), own=False)}", *_fix(error)]


def _fix(error: BaseException) -> list[str]:
    hint = getattr(error, "hint", "")
    return [f"  → {printable(as_typed(hint))}"] if hint else []


def is_of_a_host(error: BaseException) -> bool:
    """Whether a command or a connection failed; anything else is a bug in a task."""
    return isinstance(error, Failure | ThreadException) or hasattr(error, "hint")


def host_name(connection: object) -> str:
    """The name that the hosts file gives a host; without one, its address."""
    return str(getattr(connection, "name", None) or getattr(connection, "host", connection))


def reason(error: BaseException) -> str:
    """Why a command or a connection failed, in one line."""
    if isinstance(error, UnexpectedExit):
        said = last_line(error.result.stderr) if "stderr" in error.result.hide else ""
        text = f"{shown(error.result.command)} ended with status {error.result.exited}"
        return printable(f"{text}: {said}" if said else text)
    if isinstance(error, CommandTimedOut):
        return f"{shown(error.result.command)} did not end within {error.timeout} s"
    if isinstance(error, AuthFailure):
        return "sudo did not accept the password"
    if isinstance(error, Failure) and error.reason is not None:
        return described(error.reason)
    if isinstance(error, ThreadException) and error.exceptions:
        return described(error.exceptions[0].value)
    if hasattr(error, "hint"):
        return printable(str(error))
    return described(error)


def last_line(text: str) -> str:
    """The last line that is not empty."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def is_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C is the cause: Invoke passes it on to commands on a terminal or on this machine.

    Python 3.11 and older turn a Ctrl-C that comes while a class is made into a RuntimeError.
    """
    if isinstance(error.__cause__, KeyboardInterrupt):
        return True
    if not isinstance(error, UnexpectedExit):
        return False
    result = error.result
    return result.exited == -signal.SIGINT or (result.pty and result.exited == INTERRUPTED)


def described(error: BaseException) -> str:
    """An exception in one line, as Python itself would name it."""
    if isinstance(error, Exit):
        return printable(_one_line(error.message or "ended").removeprefix("✗ "))
    if isinstance(error, SystemExit):
        return printable(f"SystemExit: {_one_line(str(error.code or 'sys.exit() was called'))}")
    name = type(error).__name__
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return printable(f"{name}: {_one_line(text)}" if text else name)


def place(error: BaseException) -> str:
    """``my_tasks.py:LINE`` where an exception came from; '' if it did not pass through the user's own code."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno and OWN in error.filename:
        return at(error.filename, error.lineno)
    frames = [
        at(frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == OWN
    ]
    return frames[-1] if frames else ""


def at(filename: str, line: int) -> str:
    """``my_tasks.py:3`` or ``my_tasks/mounts.py:3``; the full path for a file anywhere else."""
    parts = Path(filename).parts
    inside = next((number for number, part in enumerate(parts) if part in (OWN, f"{OWN}.py")), 0)
    return f"{Path(*parts[inside:])}:{line}"


def traceback_of(error: BaseException) -> str:
    """The traceback, from the user's own code on if it passed through it."""
    trace = error.__traceback__
    while trace and str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] != OWN:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))


def _one_line(text: str) -> str:
    return " ".join(text.split())
