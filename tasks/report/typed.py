"""Commands in messages, ready to paste: with the program, the hosts file, and quoting."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from tasks.text.quoting import printed

# Tasks that read no hosts file; tests/commandline holds the set to the tasks themselves.
NO_HOSTS_FILE = frozenset({"lab-up", "lab-down", "test", "completion"})

# the hosts file may stand there already
_COMMAND = re.compile(r"(?<![\w./-])fab (?=-|[a-z])(?:([a-z][a-z-]*[a-z])(?![a-z-]| --hosts-file))?")
_named: dict[str, str] = {}


def use_hosts_file(named: str | None) -> None:
    """Remember the --hosts-file that was given, so that printed commands include it; None: none was given."""
    _named.pop("hosts_file", None)
    if named:
        _named["hosts_file"] = named


def use_program(typed: str) -> None:
    """Remember how the program was called, quoted for a shell; default: $RAYFAB_PROGRAM, else ``fab``."""
    _named["program"] = typed


def use_arguments(arguments: Sequence[str]) -> None:
    """Remember the arguments of this process; see :func:`again`."""
    _named["arguments"] = printed(*arguments)


def again(*flags: str) -> str:
    """The command line of this process, with flags added."""
    return " ".join([program(), _named.get("arguments", "TASK"), *flags])


def program() -> str:
    """How this program was called, ready to paste: ``./fab``, ``fab``, ``'/a b/fab'``."""
    return _named.get("program") or printed(os.environ.get("RAYFAB_PROGRAM") or "fab")


def command(task: str, *arguments: str) -> str:
    """``./fab TASK --hosts-file FILE ARGUMENTS``; arguments are taken as they are, already quoted."""
    named = _named.get("hosts_file")
    file = ["--hosts-file", printed(named)] if named and task not in NO_HOSTS_FILE else []
    return " ".join([program(), task, *file, *arguments])


def as_typed(text: str) -> str:
    """Replace commands in a text by what the user types: ``fab status`` becomes ``./fab status``."""
    return _COMMAND.sub(lambda found: command(found.group(1)) if found.group(1) else f"{program()} ", text)
