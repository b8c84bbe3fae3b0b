"""Commands in messages, as this user can paste them: the program, the hosts file, everything quoted."""

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
    """Remembers what was typed as --hosts-file, so that printed commands say the same; None: nothing was."""
    _named.pop("hosts_file", None)
    if named:
        _named["hosts_file"] = named


def use_program(typed: str) -> None:
    """Remembers how the program was called, as a shell takes it; default: $RAYFAB_PROGRAM, else ``fab``."""
    _named["program"] = typed


def use_arguments(arguments: Sequence[str]) -> None:
    """Remembers what was typed behind the program's name; see :func:`again`."""
    _named["arguments"] = printed(*arguments)


def again(*flags: str) -> str:
    """The command of this process once more, with flags added."""
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
    """A text with its commands as they are typed here: the code says ``fab status``, the user ``./fab status``."""
    return _COMMAND.sub(lambda found: command(found.group(1)) if found.group(1) else f"{program()} ", text)
