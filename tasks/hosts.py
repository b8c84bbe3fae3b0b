"""Fabric connections to the hosts of the hosts file, for a user's own tasks.

.. code-block:: python

    from tasks.hosts import hosts

    hosts().run("uptime")                # all hosts at once
    for c in hosts(limit="gpu*"):        # one after the other
        c.run("nvidia-smi")

They log in as every task of this project does: with user, port, key, jump hosts and passwords of the hosts file, with
ssh's own configuration and agent, and only after the host's key was checked.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fabric import Config
from invoke import Exit

from tasks.actions import ask, cli
from tasks.actions.audit import failed_last_time
from tasks.commandline import Mistake, line
from tasks.inventory import Cluster, InventoryError, load
from tasks.inventory.secret import Secret
from tasks.inventory.selection import SelectionError, select
from tasks.run.target import target_of
from tasks.ssh import BaseConnection, Fleet, Settings, Target, connection_to


def hosts(limit: str | Sequence[str] | None = None, hosts_file: str | None = None) -> Fleet:
    """Connections to the hosts: a list, and a Fabric group with ``run``, ``sudo``, ``put`` and ``get``.

    Each connects when it is first used and stays open until the program ends. Passwords are fetched or asked for
    when they are needed, each once.

    :param limit: only these: names, addresses, globs, ranges, ``@failed``; with commas or as a list. None: all.
    :param hosts_file: its path; default: ``$RAY_HOSTS_FILE``, else my_hosts.yml or hosts.yml beside the fabfile.
    :raises Exit: with status 2 and a line for each mistake: in the hosts file, or a limit that fits no host.
    """
    found = cluster(hosts_file)
    chosen = found.hosts
    if limit is not None:
        expression = limit if isinstance(limit, str) else ",".join(limit)
        try:
            chosen = select(found, expression, failed_last_time(found.name), flag="limit")
        except SelectionError as error:
            raise Mistake(str(error), error.hint) from None
    return Fleet(*(session.kept(target_of(host)) for host in chosen), limit=found.parallel)


def cluster(hosts_file: str | None = None) -> Cluster:
    """The checked content of the hosts file: ``cluster().head.host``, ``cluster().workers``.

    :param hosts_file: as for :func:`hosts`.
    :raises Exit: with status 2 and a line for each mistake in the hosts file.
    """
    try:
        return load(cli.hosts_file(hosts_file))
    except InventoryError as error:
        raise Exit("\n".join(f"✗ {problem}" for problem in error.problems), code=2) from None


class Session:
    """The connections of this process, and what they share."""

    def __init__(self) -> None:
        self._kept: dict[Target, BaseConnection] = {}
        self._settings: Settings | None = None

    def kept(self, target: Target) -> BaseConnection:
        """The same connection each time a host is asked for."""
        if target not in self._kept:
            self._kept[target] = self.connection(target, line.config)
        return self._kept[target]

    def connection(self, target: Target, config: Config | None) -> BaseConnection:
        """A connection that opens itself on first use, and closes when the program ends.

        :param config: Fabric's configuration (``--echo``, ``--dry``, ``-i``); None outside of ``fab``.
        """
        made = connection_to(with_flags(target, config), self.settings(config), config)
        atexit.register(made.close)
        return made

    def settings(self, config: Config | None) -> Settings:
        """What all connections share: passwords that were asked for, jump hosts, ssh's configuration."""
        if self._settings is None:
            path = getattr(config, "_runtime_ssh_path", None)
            self._settings = Settings(
                ask=ask.secret if ask.on_terminal() else None,
                ssh_config=Path(path).expanduser() if path else None,
            )
            atexit.register(self._settings.close)
        return self._settings


session = Session()


def with_flags(target: Target, config: Config | None) -> Target:
    """The target as Fabric's flags change it: ``-i``, ``-t`` and ``--prompt-for-login-password``."""
    typed = dict(config.connect_kwargs) if config is not None else {}
    keys = typed.get("key_filename") or []
    keys = [keys] if isinstance(keys, str) else keys
    if len(keys) > 1:
        raise Mistake("-i is given twice", "give one key; those of the agent are tried as well")
    changes: dict[str, Any] = {"key": str(Path(keys[0]).expanduser().absolute())} if keys else {}
    if typed.get("timeout"):
        changes["connect_timeout"] = float(typed["timeout"])
    if typed.get("password"):
        changes["password"] = Secret(typed["password"])
    return replace(target, **changes) if changes else target
