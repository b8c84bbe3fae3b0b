"""Options that several tasks share, and the decorator of every task.

``fab --list`` imports every module that defines tasks. So these modules import little at the top, and a task imports
what it needs when it is called; tests/test_startup.py checks it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import invoke

from tasks.commandline.mistakes import Mistake
from tasks.report import events as events_file

HOSTS_FILE = "hosts file (default: $RAY_HOSTS_FILE, else my_hosts.yml or hosts.yml beside the fabfile)"
LIMIT = (
    "only these hosts: names, addresses, globs, ranges, @GROUP of the hosts file, label:KEY=VALUE, state:STATE, "
    "comma-separated or repeated; @failed: those that failed in the last run; !ITEM: without these"
)
DEBUG = "show every script and its answer"
EVENTS = "also write what happens as lines of JSON to the end of this file; -: to standard output"
UPGRADE = "choose all package versions again, ignoring what was locked before"
BUNDLE = "a file made by fab bundle: everything comes from it, without Internet access"
ALL = "a row for each host; otherwise those that are alike are one row where there are more than 20"
YES = "don't ask for confirmation; required without a terminal"
TEN_MINUTES = "10m"
DEADLINE = "how long work may take to end, such as 90s, 10m or 2h (default 10m); then it is ended"

LOCK_WAIT = (
    "how long to wait where another run has locked the cluster, such as 90s or 15m (default: not at all)"
)
# tasks that lock the cluster and never ask; those that ask, have --yes, lock it, too
LOCKING = ("start", "pull_image", "clean")

COMMON = {"hosts_file": HOSTS_FILE, "debug": DEBUG}
WITH_LIMIT = {**COMMON, "limit": LIMIT}


def task(*bare: Callable, **settings: Any) -> Any:
    """Invoke's decorator for every task of this project.

    A task with ``debug`` gets ``--events`` as well, and one that locks the cluster ``--lock-wait``.

    Short flags are made from first letters, so that -h would be --host here and --hosts-file there: there are none.
    Nothing is positional: the first argument would be taken as its value, even --help.
    """

    def made(body: Callable) -> invoke.Task:
        kept = {"auto_shortflags": False, "positional": [], **settings}
        if "debug" in inspect.signature(body).parameters:
            body = _with_events(body)
            kept["help"] = {**kept.get("help", {}), "events": EVENTS}
        if "yes" in inspect.signature(body).parameters or body.__name__ in LOCKING:
            body = _with_lock_wait(body)
            kept["help"] = {**kept.get("help", {}), "lock_wait": LOCK_WAIT}
        return invoke.task(body, **kept)

    return made(*bare) if bare else made


def _with_events(body: Callable) -> Callable:
    """The task with one more parameter, which it does not see itself."""
    signature = inspect.signature(body)
    more = inspect.Parameter("events", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)

    @functools.wraps(body)
    def with_events(*arguments: Any, events: str | None = None, **named: Any) -> Any:
        if events:
            if events == events_file.STDOUT and named.get("json"):
                raise Mistake("--json and --events - both write to standard output", "--events FILE")
            try:
                events_file.use(events)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "the path is not valid"
                raise Mistake(f"--events: {events} cannot be written: {why}", "name another file") from None
        return body(*arguments, **named)

    with_events.__signature__ = signature.replace(parameters=[*signature.parameters.values(), more])
    return with_events


def _with_lock_wait(body: Callable) -> Callable:
    """The task with one more parameter, which it does not see itself."""
    signature = inspect.signature(body)
    more = inspect.Parameter("lock_wait", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)

    @functools.wraps(body)
    def with_lock_wait(*arguments: Any, lock_wait: str | None = None, **named: Any) -> Any:
        from tasks.commandline.line import line
        from tasks.text import durations

        try:
            line.lock_wait = 0 if lock_wait is None else durations.parse(str(lock_wait))
        except ValueError as error:
            raise Mistake(f"--lock-wait: {error}", "--lock-wait 15m") from None
        return body(*arguments, **named)

    with_lock_wait.__signature__ = signature.replace(parameters=[*signature.parameters.values(), more])
    return with_lock_wait
