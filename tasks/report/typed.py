"""Commands in messages, ready to paste: with the program, the hosts file, and quoting."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from tasks.language import said
from tasks.text.quoting import printed

# Tasks that read no hosts file; tests/commandline holds the set to the tasks themselves.
NO_HOSTS_FILE = frozenset({"lab-up", "lab-status", "lab-down", "test", "docs", "completion", "version"})

# the hosts file may stand there already
_COMMAND = re.compile(r"(?<![\w./-])fab (?=-|[a-z])(?:([a-z][a-z-]*[a-z])(?![a-z-]| --hosts-file))?")
_named: dict[str, str] = {}
_arguments: list[str] = []


def use_hosts_file(named: str | None) -> None:
    """Remember the --hosts-file that was given, so that printed commands include it; None: none was given."""
    _named.pop("hosts_file", None)
    if named:
        _named["hosts_file"] = named


def use_program(typed: str) -> None:
    """Remember how the program was called, quoted for a shell; default: $RAYFAB_PROGRAM, else ``fab``."""
    _named["program"] = typed


def use_arguments(arguments: Sequence[str]) -> None:
    """Remember the arguments of this process, for :func:`again`; and the hosts file that is named among them.

    So a command in a message about the command line itself includes it, too.
    """
    # program() has it
    at = arguments.index("--search-root") if "--search-root" in arguments else len(arguments)
    arguments = [*arguments[:at], *arguments[at + 2 :]]
    _arguments[:] = arguments
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    for at, word in enumerate(own):
        flag, equals, value = word.partition("=")
        if not equals:
            value = next(iter(own[at + 1 :]), "")
        # the value may be missing there
        if flag == "--hosts-file" and not value.startswith("-"):
            use_hosts_file(value)


def known() -> bool:
    """Whether the arguments of this process are remembered."""
    return bool(_arguments)


def again(*flags: str) -> str:
    """The command line of this process, with flags added before what follows ``--``."""
    at = _arguments.index("--") if "--" in _arguments else len(_arguments)
    own = [printed(*_arguments[:at])] if _arguments else ["TASK"]
    return " ".join([program(), *own, *flags, *([printed(*_arguments[at:])] if _arguments[at:] else [])])


def program() -> str:
    """How this program was called, ready to paste: ``./fab``, ``fab``, ``'/a b/fab'``."""
    return _named.get("program") or printed(os.environ.get("RAYFAB_PROGRAM") or "fab")


def command(task: str, *arguments: str) -> str:
    """``./fab TASK --hosts-file FILE ARGUMENTS``; arguments are taken as they are, already quoted."""
    named = _named.get("hosts_file")
    file = ["--hosts-file", printed(named)] if named and task not in NO_HOSTS_FILE else []
    return " ".join([program(), task, *file, *arguments])


def as_typed(text: str) -> str:
    """A message as it is shown: in the reader's language, with commands as the user types them.

    ``fab status`` becomes ``./fab status``.
    """
    return _COMMAND.sub(
        lambda found: command(found.group(1)) if found.group(1) else f"{program()} ", said(text)
    )
