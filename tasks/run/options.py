"""What a person has asked for: the command, its flags, and the answer to a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.run.failures import Stop


def refuse(lines: Sequence[str], question: str) -> None:
    """The answer where nobody can be asked."""
    raise Stop(
        f"{question}: there is no terminal to ask on, and nothing was changed",
        "the same command with --yes",
        2,
    )


@dataclass(frozen=True)
class Options:
    """The command line of one run.

    :param what: the command as it was typed, for the lock and the log.
    :param user: ``name@machine`` of the person.
    :param holder: who holds the lock, from where, since when and for what; one line.
    :param limit: names of the hosts that this run may change; None: all.
    :param upgrade: choose all versions again, whatever is locked.
    :param bundle: path of a bundle that conda hosts are installed from.
    :param purge: also remove what other clusters of this project could use.
    :param agree: called with the lines of a question and its title; raises Stop unless the answer is yes.
    """

    what: str
    user: str = ""
    holder: str = ""
    limit: frozenset[str] | None = None
    dry_run: bool = False
    debug: bool = False
    upgrade: bool = False
    bundle: str | None = None
    purge: bool = False
    agree: Callable[[Sequence[str], str], None] = refuse
