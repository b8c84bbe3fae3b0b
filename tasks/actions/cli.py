"""What every task does: read the hosts file, ask for each secret once, make a run, end with its exit status."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from invoke import Exit
from rich.text import Text

from tasks import runtimes
from tasks.actions import ask, states
from tasks.actions.audit import failed_last_time, record
from tasks.actions.consent import Consent
from tasks.actions.notify import notify
from tasks.commandline import Mistake
from tasks.commandline.line import line
from tasks.environment.home import TOP, in_checkout, user_folder
from tasks.inventory import Cluster, Host, InventoryError, SecretUnavailable, edit, load, localfiles
from tasks.inventory.selection import SelectionError, needs_states, select, select_one
from tasks.report import typed
from tasks.report.console import Console
from tasks.run.hooks import LOCK
from tasks.run.operate import operate
from tasks.run.options import Options
from tasks.run.result import FAILED, result
from tasks.run.run import Run
from tasks.run.stages import Listed, Passwords
from tasks.run.step import Step
from tasks.ssh import Settings
from tasks.text.quoting import printed
from tasks.text.wording import shown

# The user's own file wins over the one that comes with the project, which an update may change.
OWN, SHIPPED = user_folder() / "my_hosts.yml", user_folder() / "hosts.yml"


def hosts_file(given: str | None) -> Path:
    """Where the hosts file is, by the contract's order; commands that are printed name it, too."""
    chosen = given or os.environ.get("RAY_HOSTS_FILE")
    # that of the environment as well: it may have been set for this one command
    typed.use_hosts_file(chosen)
    if chosen:
        return Path(chosen).expanduser()
    return OWN if OWN.exists() else SHIPPED


def file_to_change(path: Path, console: Console) -> Path:
    """The hosts file that a change is written into: never the shipped one, which an update of the project replaces.

    An installed program comes with none: hosts.yml in the current folder is the user's own.

    :raises OSError: the user's own file cannot be made.
    """
    if path != SHIPPED or not in_checkout():
        return path
    edit.write(OWN, SHIPPED.read_text("utf-8"))
    console.note(f"{OWN.name} is now your hosts file: a copy of {SHIPPED.name}, which updates may replace")
    return OWN


def warn_if_shipped(cluster: Cluster, path: Path, console: Console) -> None:
    """Says how to keep changes to the shipped hosts file, which an update of the project may be in conflict with."""
    # one that was unpacked from a bundle is the user's
    if path != SHIPPED or not (TOP / ".git").exists() or [h.connection for h in cluster.hosts] == ["local"]:
        return
    console.note(f"{path.name} belongs to this project, so an update may conflict with your changes")
    here, own, top = printed(str(path)), printed(str(OWN)), printed(str(TOP))
    console.print(f"  → cp -p {here} {own} && git -C {top} checkout {path.name}")


def load_with_keys(path: Path) -> Cluster:
    """The cluster, with the private keys that it names on this machine.

    :raises InventoryError: with every mistake.
    """
    cluster = load(path)
    if problems := localfiles.missing_keys(cluster):
        raise InventoryError(problems)
    return cluster


def read(given: str | None, console: Console) -> Cluster:
    """The cluster, or exit status 2 with every mistake named."""
    try:
        cluster = load_with_keys(hosts_file(given))
    except InventoryError as error:
        for problem in error.problems:
            console.bad(str(problem))
        count = len(error.problems)
        console.print(f"{count} mistake{'s' if count > 1 else ''}; nothing was changed")
        raise Exit(code=2) from None
    for warning in cluster.warnings:
        console.note(warning)
    return cluster


def new_run(
    hosts_file: str | None,
    what: str,
    *,
    console: Console | None = None,
    head_only: bool = False,
    **settings: Any,
) -> Run:
    """A run over the hosts of the hosts file, or over its head alone; for the settings see :func:`make_run`."""
    console = console or Console()
    cluster = read(hosts_file, console)
    return make_run(cluster, console, what, hosts=[cluster.head] if head_only else None, **settings)


def make_run(
    cluster: Cluster,
    console: Console,
    what: str,
    *,
    limit: Sequence[str] | str | frozenset[str] | None = None,
    hosts: Sequence[Host] | None = None,
    debug: bool = False,
    dry_run: bool = False,
    registry: bool = False,
    connects: bool = True,
    upgrade: bool = False,
    bundle: str | None = None,
    purge: bool = False,
    prune: bool = False,
    new: frozenset[str] = frozenset(),
    yes: bool = False,
    deadline: int | None = None,
    why: str = "",
) -> Run:
    """A run over ``hosts`` (default: all); secrets are fetched now, each once.

    :param limit: the hosts that it may change: the values of ``--limit``, or the names themselves.
    :param connects: it talks to the hosts, and needs their passwords for that.
    :param registry: it may pull images, and needs the registry's password for that.
    :param new: names of hosts that are not in the hosts file yet.
    :param yes: whatever it ends, there is no question.
    :param deadline: seconds that work has to end in a drain; None: nothing is drained.
    :param why: the reason for a maintenance.
    """
    names = limit
    if not isinstance(limit, frozenset):
        names = selected(cluster, limit) if limit else None
    pulls = registry and not dry_run
    hosts = cluster.hosts if hosts is None else hosts
    try:
        nodes = [Listed(host, passwords(host, pulls=pulls) if connects else Passwords()) for host in hosts]
    except SecretUnavailable as error:
        console.bad(str(error), "set it, or name another source for the password in the hosts file")
        raise Exit(code=2) from None

    def question(prompt: str) -> str:
        with console.question():
            return ask.secret(prompt)

    settings = Settings(
        ask=question if ask.on_terminal() else None,
        trace=(lambda text: console.print(Text(text))) if debug else None,
        warn=console.note,
    )
    options = Options(
        what,
        user=user(),
        holder=inherited(cluster.name) or holder(what),
        limit=names,
        dry_run=dry_run,
        debug=debug,
        upgrade=upgrade,
        bundle=bundle,
        purge=purge,
        prune=prune,
        new=new,
        deadline=deadline,
        why=why,
        lock_wait=line.lock_wait,
        agree=Consent(console, yes),
    )
    return Run(cluster, console, nodes, settings, options)


def passwords(host: Host, *, pulls: bool = False) -> Passwords:
    """The secrets of a host. :param pulls: that of its registry, too.

    :raises SecretUnavailable: a secret is not available.
    """
    registry = runtimes.of(host).password(host) if pulls else None
    return Passwords(_secret(host.password), _secret(host.sudo_password), _secret(registry))


_found: dict = {}


def _secret(source):
    if source is None:
        return None
    if source not in _found:
        _found[source] = source.resolve(ask.secret)
    return _found[source]


@contextlib.contextmanager
def selecting() -> Iterator[None]:
    """Turns an error in an argument that names hosts into a mistake of the command line: exit status 2."""
    try:
        yield
    except SelectionError as error:
        raise Mistake(str(error), error.hint) from None


def selected(cluster: Cluster, expressions: Sequence[str] | str, flag: str = "--limit") -> frozenset[str]:
    """The names of the hosts that the values of an option mean, or exit status 2.

    Where they name states, the hosts are asked for them, once.
    """
    text = expressions if isinstance(expressions, str) else ",".join(expressions)
    with selecting():
        known = _states(cluster, text, flag)
        found = select(cluster, text, failed_last_time(cluster.name), states=known, flag=flag)
        return frozenset(host.name for host in found)


def selected_one(cluster: Cluster, expression: str, flag: str = "--host") -> Host:
    """The one host that the value of an option means, or exit status 2."""
    with selecting():
        known = _states(cluster, expression, flag)
        return select_one(cluster, expression, failed_last_time(cluster.name), states=known, flag=flag)


def _states(cluster: Cluster, text: str, flag: str) -> dict[str, set[str]] | None:
    if not needs_states(cluster, text, flag=flag):
        return None
    return states.of(cluster, lambda: make_run(cluster, Console(sys.stderr), "status"))


def become(argv: Sequence[str], console: Console) -> NoReturn:
    """Runs another program in the place of this process, or ends with exit status 1."""
    sys.stdout.flush()
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        console.bad(f"{shown(argv[0])} cannot be run here: {error.strerror}")
        raise Exit(code=1) from None


def user() -> str:
    """Who runs this, and where."""
    try:
        name = getpass.getuser()
    except (KeyError, ImportError, OSError):
        # no entry in the user database, as in many containers
        name = str(os.getuid()) if hasattr(os, "getuid") else "somebody"
    return f"{name}@{socket.gethostname()}"


def holder(what: str) -> str:
    """Who holds the lock, from where, since when, and for what; one line."""
    who = f"{user()} (process {os.getpid()})"
    return f"{who} since {time.strftime('%Y-%m-%d %H:%M:%S %Z')}: {what}".replace("\n", " ")


def inherited(cluster: str) -> str:
    """Who holds the lock of that cluster, if this process was started by a hook of that run; else ''."""
    name, _, found = os.environ.get(LOCK, "").partition(" ")
    return found if name == cluster else ""


def finish(run: Run, steps: Sequence[Step], end: Callable[[Run], None] | None = None) -> None:
    """Runs the steps, keeps the audit, and ends the process with the contract's status."""
    began = time.monotonic()
    code = operate(run, steps, end)
    record(run, code)
    changes = any(step.locks for step in steps) and not run.options.dry_run
    if changes or code == FAILED:
        notify(run, result(run, code, time.monotonic() - began))
    if code:
        raise Exit(code=code)


def number(flag: str, value: object, low: int, high: int) -> int:
    """A flag's whole number, or exit status 2."""
    try:
        found = int(str(value))
    except ValueError:
        found = low - 1
    if not low <= found <= high:
        raise Mistake(f"{flag}: expected {low}-{high}, got {shown(value)}")
    return found
