"""The host to connect to, and the settings that all connections of a run share."""

from __future__ import annotations

import copy
import os
import shutil
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tasks.inventory.secret import Secret, SecretSource, SecretUnavailable
from tasks.ssh.errors import ConfigProblem

T = TypeVar("T")
Password = Secret | SecretSource | None


@dataclass(frozen=True)
class Target:
    """How one host is reached. Values that are None come from ssh's own configuration.

    `host` is an address, a name or an alias of ~/.ssh/config; `jump` is a tuple of `user@host:port`,
    the first one is connected to first. `connect_timeout` is in seconds; a longer ConnectTimeout in ssh's
    configuration wins. A password may be a SecretSource: it is fetched when it is needed. With `openssh`, the
    system's own ssh is the line to the host.
    """

    name: str
    host: str
    user: str | None = None
    port: int | None = None
    key: str | None = None
    jump: tuple[str, ...] = ()
    host_keys: str = "accept-new"
    password: Password = None
    sudo_password: Password = None
    local: bool = False
    openssh: bool = False
    connect_timeout: float = 10.0


@dataclass
class Settings:
    """Shared by all connections of one run. It also keeps everything that is read or asked for only once.

    `ask(prompt)` returns what the user typed without echo, or raises; None if nobody can be asked.
    `ssh_config` and `known_hosts` replace the user's files. `agent` replaces SSH_AUTH_SOCK ('' for none).
    `ssh_client` is the path of OpenSSH's client, None to do without. `trace` is given every script and its
    answer, without secrets, for `--debug`; `warn` is given what a person should know, and repair later.
    """

    ask: Callable[[str], str] | None = None
    ssh_config: Path | None = None
    known_hosts: Path | None = None
    agent: str = field(default_factory=lambda: os.environ.get("SSH_AUTH_SOCK", ""))
    ssh_client: str | None = field(default_factory=lambda: shutil.which("ssh"))
    keepalive: int = 15
    trace: Callable[[str], None] | None = None
    warn: Callable[[str], None] | None = None
    home: Path = field(default_factory=Path.home)
    tired: bool = False  # somebody was asked for a password and gave none: no host asks for another

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._cells: dict[Hashable, _Cell] = {}
        self._closers: list[Callable[[], object]] = []

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value that the first caller makes for `key`; others wait for it and get the same value or exception."""
        with self._lock:
            cell = self._cells.setdefault(key, _Cell())
        with cell.lock:
            if not cell.done:
                try:
                    cell.value = make()
                except Exception as error:
                    cell.error = error
                cell.done = True
        if cell.error is not None:
            raise cell.error
        return cell.value

    def secret(self, source: Password) -> Secret | None:
        """The secret's value, fetched or asked for when the first host needs it, once for all hosts.

        :raises ConfigProblem: it is not available.
        """
        if not isinstance(source, SecretSource):
            return source
        try:
            return self.once(("secret", source), lambda: source.resolve(self._typed))
        except SecretUnavailable as error:
            hint = "set it, or name another source for the password in the hosts file"
            raise ConfigProblem(str(error), hint) from error

    def known_secret(self, source: Password) -> Secret | None:
        """Like :meth:`secret`, but None if it has not been needed so far."""
        if not isinstance(source, SecretSource):
            return source
        cell = self._cells.get(("secret", source))
        return cell.value if cell else None

    def _typed(self, prompt: str) -> str:
        answer = self.question(prompt)
        if answer is None:
            raise SecretUnavailable(f"nobody can be asked for {prompt.strip().rstrip(':')}")
        return answer

    def silent(self) -> Settings:
        """The same, and what they keep is the same, but nobody is asked."""
        made = copy.copy(self)
        made.ask = None
        return made

    def question(self, prompt: str) -> str | None:
        """What the user answers, one question at a time; None if nobody can be asked."""
        if self.ask is None:
            return None
        with self._asking:
            try:
                return self.ask(prompt)
            except (EOFError, OSError, SecretUnavailable):
                return None

    def warn_once(self, text: str) -> None:
        """Shows a warning, however many hosts have it."""
        if self.warn is not None:
            self.once(("warning", text), lambda: self.warn(text))

    def at_close(self, close: Callable[[], object]) -> None:
        with self._lock:
            self._closers.append(close)

    def close(self) -> None:
        """Closes the connections to jump hosts. Close the connections behind them first."""
        with self._lock:
            closers, self._closers = self._closers, []
        for close in closers:
            close()


class _Cell:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.done = False
        self.value: Any = None
        self.error: Exception | None = None
