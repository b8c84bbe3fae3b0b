"""This machine as a host: the same methods, for local processes and files."""

from __future__ import annotations

import contextlib
import getpass
import os
import selectors
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from invoke.runners import Local, Result

from tasks.script.protocol import Reader
from tasks.ssh import forward
from tasks.ssh.base import BaseConnection
from tasks.ssh.errors import RemoteError
from tasks.ssh.localfiles import LocalFiles

_GRACE = 1.0  # seconds: for output after the end, and between asking a group to stop and killing it


class LocalConnection(BaseConnection):
    """Commands and scripts start in the home directory, as they do over ssh. It needs no opening."""

    is_connected = True
    why = ""

    def _where(self) -> tuple[str, str, int]:
        try:
            user = getpass.getuser()
        except (KeyError, ImportError, OSError):  # many containers have no entry for their user
            user = str(os.getuid())
        return self.target.host, user, 22

    def open(self, tell: Callable[[str], None] | None = None) -> None:
        """Does nothing: this machine needs no connection."""

    def run(self, command: str, **kwargs: Any) -> Result | None:
        """As Fabric's, on this machine, in the home directory."""
        return self._run(LocalRunner(self), command, **self._with_shell(kwargs))

    def sudo(self, command: str, **kwargs: Any) -> Result | None:
        """As Fabric's, on this machine, in the home directory."""
        return self._sudo(LocalRunner(self), command, **self._with_shell(kwargs))

    def shell(self, **kwargs: Any) -> Result | None:
        """The user's own shell, until it is left."""
        runner = LocalRunner(self)
        return runner.run(os.environ.get("SHELL") or "/bin/sh", **{"warn": True, **kwargs, "pty": True})

    def sftp(self) -> LocalFiles:
        """The files that ``put`` and ``get`` work with."""
        return LocalFiles(_home())

    def create_session(self) -> None:
        """Raises an error: there is no SSH session."""
        raise RemoteError(
            f"{self.name} is this machine: it has no ssh session", "use run, or a host with ssh"
        )

    @contextlib.contextmanager
    def forward_local(
        self,
        local_port: int,
        remote_port: int | None = None,
        remote_host: str = "localhost",
        local_host: str = "localhost",
    ) -> Iterator[int]:
        """Like :meth:`Connection.forward_local`; both ends are on this machine."""
        with _tunnel((local_host, local_port), (remote_host, remote_port or local_port)) as port:
            yield port

    @contextlib.contextmanager
    def forward_remote(
        self,
        remote_port: int,
        local_port: int | None = None,
        remote_host: str = "127.0.0.1",
        local_host: str = "localhost",
    ) -> Iterator[None]:
        """As Fabric's; both ends are on this machine."""
        with _tunnel((remote_host, remote_port), (local_host, local_port or remote_port)):
            yield

    def _with_shell(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        # Invoke's default is bash, which a small system may not have.
        shell = self.config.run.shell
        return {"shell": shell if shutil.which(shell) else "/bin/sh", **kwargs}

    def _end(self, thing: subprocess.Popen | LocalRunner) -> None:
        if isinstance(thing, subprocess.Popen):
            _signal_group(thing, signal.SIGTERM)
        else:
            thing.kill()

    def _exchange(self, command: str, stdin: Iterator[bytes], reader: Reader, deadline: float) -> int | None:
        process = subprocess.Popen(
            ["sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=_home(),
            start_new_session=True,  # Ctrl-C in the terminal must not end it before this program decides to
        )
        try:
            with self._noted(process):
                return _pump(process, stdin, reader, deadline)
        finally:
            _finish(process)


class LocalRunner(Local):
    """Invoke's runner, in the home directory; :meth:`LocalConnection.cancel` ends it."""

    def start(self, command: str, shell: str, env: dict[str, Any]) -> None:
        super().start(f"cd\n{command}", shell, env)
        self.context._note(self)

    def stop(self) -> None:
        super().stop()
        self.context._forget(self)


@contextlib.contextmanager
def _tunnel(near: tuple[str, int], far: tuple[str, int]) -> Iterator[int]:
    if near[1] == far[1]:  # the same port can be reached already
        yield far[1]
        return
    with forward.listen(*near, lambda peer: socket.create_connection(far, timeout=30)) as port:
        yield port


def _finish(process: subprocess.Popen) -> None:
    """Ends a process and what it started, except daemons."""
    if process.poll() is None:
        _signal_group(process, signal.SIGTERM)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGKILL)
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):
            pipe.close()


def _pump(process: subprocess.Popen, stdin: Iterator[bytes], reader: Reader, deadline: float) -> int | None:
    """Feeds stdin while taking in stdout and stderr; the exit status. Raises TimeoutError at the deadline."""
    left = memoryview(next(stdin, b""))
    with selectors.DefaultSelector() as selector:
        for pipe, take in ((process.stdout, reader.stdout), (process.stderr, reader.stderr)):
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, take)
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while len(selector.get_map()):
            # A daemon that the script started may keep its output open forever.
            over = process.poll() is not None
            now = time.monotonic()
            if now >= deadline:
                if over:
                    break
                raise TimeoutError
            if over:
                deadline = min(deadline, now + _GRACE)
            for key, _ in selector.select(min(deadline - now, 0.2)):
                if key.fileobj is process.stdin:
                    left = _feed(process, selector, left, stdin)
                elif data := os.read(key.fd, 1 << 16):
                    key.data(data)
                else:
                    selector.unregister(key.fileobj)
    return (
        process.wait(max(0.1, deadline - time.monotonic())) if process.poll() is None else process.returncode
    )


def _feed(
    process: subprocess.Popen, selector: selectors.BaseSelector, left: memoryview, stdin: Iterator[bytes]
) -> memoryview:
    """Writes a part of ``left`` and returns the rest; closes the pipe when nothing is left."""
    try:
        left = left[os.write(process.stdin.fileno(), left) :] or memoryview(next(stdin, b""))
    except BrokenPipeError:  # the process ended without reading all of it; its exit status shows why
        left = left[:0]
    if not left:
        selector.unregister(process.stdin)
        process.stdin.close()
    return left


def _home() -> Path:
    """The directory in which commands start: the home directory, as over ssh; / if it doesn't exist."""
    with contextlib.suppress(RuntimeError):
        if Path.home().is_dir():
            return Path.home()
    return Path("/")


def _signal_group(process: subprocess.Popen, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
