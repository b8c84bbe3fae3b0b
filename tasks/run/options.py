"""What the user requested: the command, its flags, and how questions are answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.run.failures import Stop


def refuse(lines: Sequence[str], question: str) -> None:
    """Refuses, because there is no terminal on which to ask the user."""
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
    :param limit: names of the hosts that this run may change; None means all.
    :param upgrade: choose all versions again, even locked ones.
    :param bundle: path of the bundle from which conda hosts are installed.
    :param purge: also remove what this project's other clusters could use.
    :param prune: remove the nodes of hosts that have left the hosts file.
    :param new: names of hosts that are not in the hosts file yet; if they fail, nothing of theirs stays.
    :param deadline: seconds that running work has to end in a drain; None: nodes are not drained.
    :param why: the reason for a maintenance.
    :param lock_wait: seconds to wait for a lock that another run holds.
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
    prune: bool = False
    new: frozenset[str] = frozenset()
    deadline: int | None = None
    why: str = ""
    lock_wait: int = 0
    agree: Callable[[Sequence[str], str], None] = refuse
