"""What ``-H HOSTS`` does for a user's own tasks and for a bare command: each runs once on every host, as in Fabric.

A host of the hosts file is connected to as the file says, any other one as plain ssh would.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import fabric
from fabric.tasks import ConnectionCall
from invoke import Call, Exit

from tasks.commandline import Mistake, failures
from tasks.text.wording import shown

if TYPE_CHECKING:  # a command without -H starts faster without these
    from tasks.inventory import Cluster
    from tasks.ssh import Target


class HostCall(ConnectionCall):
    """A task whose first argument is the connection to one host."""

    def make_context(self, config: fabric.Config) -> fabric.Connection:
        from tasks.actions.connections import session

        return session.connection(self.init_kwargs["target"], config)


class Executor(fabric.Executor):
    """Runs tasks, then the command after ``--``."""

    def execute(self, *tasks: Any) -> dict:
        command, self.core.remainder = self.core.remainder, ""
        results = super().execute(*tasks) if tasks or not command else {}
        if command:
            self.run_on_each(command)
        return results

    def normalize_hosts(self, hosts: Iterable[str | Mapping[str, Any]] | None) -> list[dict]:
        """What ``-H`` or ``@task(hosts=[...])`` names, as arguments of a :class:`HostCall`."""
        return [{"host": target.name, "target": target} for target in named(list(hosts or ()))]

    def parameterize(self, call: Call, connection_init_kwargs: dict) -> HostCall:
        return call.clone(into=HostCall, with_={"init_kwargs": connection_init_kwargs})

    def run_on_each(self, command: str) -> None:
        """Runs a line for the login shell on one host after the other; a host that fails does not stop the others.

        :raises Exit: with status 1, after the last host, if one of them failed.
        """
        from tasks.actions.connections import session

        self.config.load_shell_env()
        failed = False
        for target in named(self.core[0].args.hosts.value.split(",")):
            try:
                session.connection(target, self.config).run(command)
            except Exit:
                raise
            except Exception as error:
                if failures.is_interrupt(error):
                    raise KeyboardInterrupt from None
                failed = True
                sys.stdout.flush()
                print("\n".join(failures.of_host(target.name, error)), file=sys.stderr, flush=True)
        if failed:
            raise Exit(code=1)


def named(values: list[str | Mapping[str, Any]]) -> list[Target]:
    """The hosts that ``-H`` names, each once, in the order in which they are named.

    :param values: ``[user@]host[:port]``, where host may be a range; what ``--limit`` takes, with ``!`` only hosts
        of the hosts file; or a mapping with ``host``, ``user`` and ``port``.
    :raises Exit: with status 2: the hosts file has mistakes, or this cannot be a host.
    """
    if not values:
        return []
    from tasks.inventory.selection import items

    known = hosts_file()
    texts = [value for value in values if isinstance(value, str)]
    words = items(",".join(texts))
    if any(word.startswith("!") for word in words):
        words = [",".join(words)]
    targets = [target for word in words for target in typed(known, word)]
    for value in values:
        if not isinstance(value, str):
            unknown = sorted(set(value) - {"host", "user", "port"})
            if unknown:
                raise Mistake(f"hosts: {shown(unknown[0])} cannot be set here", "set it in the hosts file")
            targets += targets_at(known, str(value["host"]), value.get("user"), value.get("port"))
    return list(dict.fromkeys(targets))


def hosts_file() -> Cluster | None:
    """The content of the hosts file; None if there is none and none was named.

    :raises Exit: with status 2 and a line for each mistake in it.
    """
    from tasks.actions import cli
    from tasks.hosts import cluster

    return cluster() if os.environ.get("RAY_HOSTS_FILE") or cli.hosts_file(None).exists() else None


def typed(known: Cluster | None, word: str) -> list[Target]:
    """What one item of ``-H`` means."""
    from tasks.inventory import address, ranges
    from tasks.run.target import target_of

    if re.search(r"^@|^label:|^state:|^!|,!|[*?&]", word):
        from tasks.actions import cli

        if known is None:
            raise Mistake(f"-H {shown(word)} needs a hosts file, and there is none", "fab init writes one")
        names = cli.selected(known, word, "-H")
        return [target_of(host) for host in known.hosts if host.name in names]
    try:
        place = address.parse(word)
        names = ranges.expand(place.host)
    except ValueError as error:
        # without what comes before @, where somebody may have typed a password
        raise Mistake(f"-H {shown(word.rpartition('@')[2])}: {error}") from None
    return [target for name in names for target in targets_at(known, name, place.user, place.port)]


def targets_at(known: Cluster | None, name: str, user: str | None, port: int | None) -> list[Target]:
    """How to reach a host: as the hosts file says if it is in there, with the user and the port that were typed.

    Of several hosts at one address all are meant, or the one at the port that was typed.
    """
    from tasks.inventory.selection import SSH_PORT
    from tasks.run.target import target_of
    from tasks.ssh import Target

    changes = {key: value for key, value in (("user", user), ("port", port)) if value}
    found = chosen(known, name) if known else ()
    if len(found) > 1 and port:
        found = [host for host in found if (host.port or SSH_PORT) == port]
    return [replace(target_of(host), **changes) for host in found] or [Target(name, name, **changes)]


def chosen(known: Cluster, word: str) -> tuple:
    """The hosts of the hosts file that a name or an address means; none if it is another host."""
    from tasks.inventory.selection import SelectionError, select

    try:
        return select(known, word, flag="-H")
    except SelectionError:
        return ()
