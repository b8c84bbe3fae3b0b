"""What all connections share: Fabric's own methods, `ask` (one script and its answer) and `carry` (one whole file)."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import fabric
from fabric import Config
from invoke.runners import Result, Runner
from paramiko import SSHConfig

from tasks.inventory.secret import Secret
from tasks.script import powershell, protocol
from tasks.script.answer import Answer
from tasks.script.protocol import Reader, Scrubber
from tasks.script.script import Script
from tasks.ssh import carry, sudo, windows
from tasks.ssh.ending import conclude, explain, timed_out
from tasks.ssh.errors import Cancelled, ConnectionLost
from tasks.ssh.target import Settings, Target


class BaseConnection(fabric.Connection):
    """One host. The connection opens on first use; several threads may use it at the same time.

    :ivar target: how the host is reached.
    :ivar execs: how many scripts and files were sent: each takes one channel (or one local shell).
    """

    execs = 0
    inline_ssh_env = (
        True  # Fabric sets it on the instance; without it here it would become a configuration key
    )
    _fixed = False

    def __init__(
        self, target: Target | str, settings: Settings | None = None, config: Config | None = None
    ) -> None:
        """
        :param target: the host; a string is read as ``ssh`` does: ``[user@]host[:port]``.
        :param settings: what the connections of one run share.
        :param config: Fabric's configuration for ``run`` and ``sudo``, copied; its settings for ssh are ignored.
        """
        self._set(target=Target(target, target) if isinstance(target, str) else target)
        self._set(settings=settings or Settings(), _address=None, _lock=threading.Lock())
        self._set(_running=weakref.WeakSet(), _stops=0, _cancelled=False)
        # The real host, user and port come from the Target and ssh's configuration, when they are needed.
        super().__init__("unused", config=self._config_from(config), gateway=False, forward_agent=False)
        self.original_host = self.target.host
        self._set(_fixed=True)

    def _config_from(self, config: Config | None) -> Config:
        if config is None:
            own = {"load_ssh_configs": False, "ssh_config_path": None}
            config = self.settings.once("fabric's configuration", lambda: Config(overrides=own))
        mine = config.clone(into=Config)
        mine._set(base_ssh_config=SSHConfig())  # ssh's configuration is read by tasks.ssh.sshconfig alone
        return mine

    def __setattr__(self, key: str, value: Any) -> None:
        # Invoke looks at dir() for each attribute, which is slow for a hundred connections.
        if key in self.__dict__ or hasattr(type(self), key):
            object.__setattr__(self, key, value)
        else:
            super().__setattr__(key, value)

    @property
    def name(self) -> str:
        """The host's name in the hosts file."""
        return self.target.name

    @property
    def system(self) -> str:
        """The language of scripts for this host: posix (sh) or windows (PowerShell)."""
        return "posix"

    @property
    def host(self) -> str:
        """The address or name to connect to, after ssh's configuration is applied."""
        return self._where()[0]

    @host.setter
    def host(self, value: object) -> None:
        self._refuse_change("host")

    @property
    def user(self) -> str:
        """The user who logs in."""
        return self._where()[1]

    @user.setter
    def user(self, value: object) -> None:
        self._refuse_change("user")

    @property
    def port(self) -> int:
        """The port of the SSH server."""
        return self._where()[2]

    @port.setter
    def port(self, value: object) -> None:
        self._refuse_change("port")

    def _refuse_change(self, key: str) -> None:
        if self._fixed:  # Fabric's constructor sets them, and nothing else can
            raise AttributeError(f"{key} of a connection is fixed: make another connection")

    def _where(self) -> tuple[str, str, int]:
        raise NotImplementedError

    def _identity(self) -> tuple:
        # Two private networks may use the same address, each behind its own jump host.
        return (*self._where(), *self.target.jump)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def text_of(self, script: Script | str) -> str:
        """The script in the language of this host's system."""
        if isinstance(script, str):
            return script
        return powershell.text_of(script) if self.system == "windows" else script.text

    def ask(
        self,
        script: Script | str,
        *,
        secrets: Mapping[str, Secret] | None = None,
        timeout: float,
        on_step: Callable[[str], None] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> Answer:
        """Runs one script in the host's ``sh`` (on Windows: PowerShell) and returns its answer.

        A script that reports a failure also returns an answer, with ``ok`` False.

        :param secrets: shell variables, sent on standard input and never in a command line or log.
        :param timeout: seconds for the whole run.
        :param on_step: called with each progress text of the script.
        :param on_line: called with each line of output that is not part of the answer.
        :raises Unfinished: the script was interrupted, whatever the exit status of its shell.
        :raises StepTimeout: it took longer than ``timeout``.
        :raises RemoteError: the host cannot be reached, the connection broke, or :meth:`cancel` was called.
        """
        self._make_ready()
        text = self.text_of(script)
        mark = protocol.new_mark()
        scrub = self._scrubber(secrets)
        shell = windows if self.system == "windows" else protocol
        stdin = protocol.chunks(shell.wrap(text, mark, secrets or {}))
        self._trace(f"{script.title if isinstance(script, Script) else 'script'}\n{text}", scrub)
        reader = Reader(mark, scrub, on_step, on_line)
        return conclude(self.name, self.user, self._talk(shell.COMMAND, stdin, reader, timeout))

    def carry(
        self,
        source: Path | str | bytes,
        path: str,
        mode: int = 0o600,
        on_bytes: Callable[[int, int], None] | None = None,
        timeout: float = 3600.0,
    ) -> None:
        """Copies a file to the host completely, or leaves the old file unchanged.

        Unlike :meth:`put` it needs no SFTP, checks the file's SHA-256 on the host and replaces the old file atomically.

        :param source: a file here, or its content.
        :param path: on the host; a relative one starts in the home directory. Its directory is made.
        :param on_bytes: called with the bytes sent so far and the size.
        :param timeout: seconds for the whole file.
        :raises CarryFailed: the file was not copied completely.
        :raises RemoteError: as :meth:`ask`.
        """
        self._make_ready()
        mark = protocol.new_mark()
        load = carry.Load.of(source)
        scrub = self._scrubber()
        self._trace(f"carry {path}, {load.size} bytes", scrub)
        reader = Reader(mark, scrub)
        if self.system == "windows":
            answer = self._talk(windows.COMMAND, windows.save(load, mark, path, on_bytes), reader, timeout)
        else:
            answer = self._talk(carry.COMMAND, load.stdin(mark, path, mode, on_bytes), reader, timeout)
        if not answer.began:
            explain(self.user, answer)
        load.judge(answer, self.name, path)

    def cancel(self) -> None:
        """Ends everything that runs through this connection. Current and later calls of `ask` raise Cancelled."""
        self._cancelled = True
        self._stop_all()

    def close(self) -> None:
        """Ends everything that runs here and closes the connection. As in Fabric, its next use opens it again."""
        self._stop_all()
        super().close()

    def _stop_all(self) -> None:
        with self._lock:
            self._stops += 1
            running = list(self._running)
        for thing in running:
            self._end(thing)

    @contextlib.contextmanager
    def _noted(self, thing: Any) -> Iterator[None]:
        """A context during which :meth:`cancel` ends ``thing``."""
        self._note(thing)
        self.execs += 1
        try:
            yield
        finally:
            self._forget(thing)

    def _note(self, thing: Any) -> None:
        with self._lock:
            self._running.add(thing)
        if self._cancelled:
            self._end(thing)
            self._refuse_cancelled()

    def _forget(self, thing: Any) -> None:
        with self._lock:
            self._running.discard(thing)

    def _refuse_cancelled(self) -> None:
        if self._cancelled:
            raise Cancelled(f"{self.name}: stopped from this side")

    def _make_ready(self) -> None:
        """Connects to the host before a script runs; raises an error with the reason if it can't."""
        self._refuse_cancelled()

    def _end(self, thing: Any) -> None:
        """Ends one process or channel."""
        raise NotImplementedError

    def _exchange(self, command: str, stdin: Iterator[bytes], reader: Reader, deadline: float) -> int | None:
        """Runs ``command`` with ``stdin``, gives its output to ``reader``; its exit status, None if there is none.

        :param deadline: on :func:`time.monotonic`'s clock; TimeoutError is raised there.
        :raises ConnectionLost: the connection broke.
        """
        raise NotImplementedError

    def _talk(self, command: str, stdin: Iterator[bytes], reader: Reader, timeout: float) -> Answer:
        """The answer of a script that runs on the host, finished or not."""
        start, stops = time.monotonic(), self._stops
        try:
            status = self._exchange(command, stdin, reader, start + timeout)
            if not reader.ended and not self.is_connected:
                raise self._lost()
        except TimeoutError as error:
            raise timed_out(self.name, reader, timeout) from error
        except ConnectionLost as error:
            if self._stops != stops:
                raise Cancelled(f"{self.name}: stopped from this side") from error
            raise
        if not reader.ended and self._stops != stops:
            raise Cancelled(f"{self.name}: stopped from this side")
        answer = reader.close(status)
        answer.seconds = time.monotonic() - start
        self._trace(
            f"answer, {answer.seconds:.2f} s, status {answer.status}\n{answer.listing()}", reader.scrub
        )
        return answer

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(f"the connection to {self.name} broke", "run again; finished work is kept")

    def _scrubber(self, secrets: Mapping[str, Secret] | None = None) -> Scrubber:
        own = map(self.settings.known_secret, (self.target.password, self.target.sudo_password))
        return Scrubber([*(secrets or {}).values(), *own])

    def _trace(self, text: str, scrub: Callable[[str], str]) -> None:
        if self.settings.trace:
            self.settings.trace(f"--- {self.name}: {scrub(text)}")

    def _sudo(self, runner: Runner, command: str, **kwargs: Any) -> Result | None:
        """Like Invoke's. Without a given password, the one of the hosts file is used, and fetched only now."""
        password = kwargs.pop("password", None)
        if password is None:
            secret = self.settings.secret(self.target.sudo_password)
            password = secret.reveal() if secret else self.config.sudo.password
        return sudo.run(self, runner, command, password, **kwargs)
