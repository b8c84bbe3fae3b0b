"""The connections of a user's own tasks: each host once, with what they share."""

from __future__ import annotations

import atexit
from dataclasses import replace
from pathlib import Path
from typing import Any

from fabric import Config

from tasks.actions import ask
from tasks.commandline import Mistake, line
from tasks.inventory.secret import Secret
from tasks.ssh import BaseConnection, Settings, Target, connection_to


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
