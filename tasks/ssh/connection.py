"""One open line to one host: run a script and read its answer, carry a file there, forward a port."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import paramiko

from tasks.inventory.secret import Secret
from tasks.script import protocol
from tasks.script.answer import Answer
from tasks.script.protocol import Reader, Scrubber
from tasks.ssh import dial, forward, put, windows
from tasks.ssh.errors import Cancelled, ConnectionLost, RemoteError
from tasks.ssh.local import LocalConnection
from tasks.ssh.outcome import explain, timed_out
from tasks.ssh.pump import execute, pump
from tasks.ssh.target import Settings, Target
from tasks.ssh.transport import Transport, lost

_OPEN_TIMEOUT = 60.0  # seconds until a channel is open and its shell was started


def connect(target: Target, settings: Settings) -> Connection | LocalConnection:
    """Opens the one connection to `target`. Raises a RemoteError that says what stood in the way."""
    if target.local:
        return LocalConnection(target)
    return Connection(target, dial.open_transport(target, settings))


class Connection:
    """Safe to use from several threads; `execs` counts the channels that ran something."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self.target = target
        self.execs = 0
        self._transport = transport
        self._lock = threading.Lock()
        self._channels: set[paramiko.Channel] = set()
        self._cancelled = False

    @property
    def system(self) -> str:
        """What the far side's scripts are written in: posix | windows."""
        return "windows" if windows.is_windows(self._transport.remote_version or "") else "posix"

    def run(
        self,
        script: str,
        *,
        secrets: Mapping[str, Secret] | None = None,
        timeout: float,
        on_step: Callable[[str], None] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> Answer:
        """Runs `script` in the far `sh` (on Windows: PowerShell) and returns its Answer, also where it failed.

        `timeout` is for the whole run, in seconds. Raises StepTimeout, ConnectionLost, Cancelled.
        """
        mark = protocol.new_mark()
        shell = windows if self.system == "windows" else protocol
        stdin = shell.wrap(script, mark, secrets or {})
        scrub = Scrubber([*(secrets or {}).values(), self.target.password])
        reader = Reader(mark, scrub, on_step, on_line)
        return self._talk(shell.COMMAND, protocol.chunks(stdin), reader, timeout)

    def stream(
        self, script: str, on_line: Callable[[str], None], *, secrets: Mapping[str, Secret] | None = None
    ) -> Answer:
        """As run, without a timeout: until the script ends or `cancel()` is called (then Cancelled)."""
        return self.run(script, secrets=secrets, timeout=float("inf"), on_line=on_line)

    def put(
        self,
        source: Path | bytes,
        path: str,
        mode: int = 0o600,
        on_bytes: Callable[[int, int], None] | None = None,
        timeout: float = 3600.0,
    ) -> None:
        """Carries a file to `path` (relative: to the home directory; its directory is made), all or nothing.

        `on_bytes(sent, total)` is called as it goes. Raises PutFailed, StepTimeout, ConnectionLost.
        """
        mark = protocol.new_mark()
        load = put.Load.of(source)
        reader = Reader(mark, Scrubber([self.target.password]))
        if self.system == "windows":
            answer = self._talk(windows.COMMAND, windows.save(load, mark, path, on_bytes), reader, timeout)
        else:
            answer = self._talk(put.COMMAND, load.stdin(mark, path, mode, on_bytes), reader, timeout)
        load.judge(answer, self.target.name, path)

    @contextlib.contextmanager
    def forward_local(self, local_port: int, remote_host: str, remote_port: int) -> Iterator[int]:
        """A port on this machine's 127.0.0.1 (0: a free one, which is yielded) that leads to the far one."""
        with forward.listen(self._transport, local_port, remote_host, remote_port) as port:
            yield port

    def cancel(self) -> None:
        """Ends every run under way; each raises Cancelled. The connection is of no use afterwards."""
        with self._lock:
            self._cancelled = True
            channels = list(self._channels)
        for channel in channels:
            with contextlib.suppress(EOFError, OSError, paramiko.SSHException):  # the other side was faster
                channel.close()

    def close(self) -> None:
        self.cancel()
        self._transport.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _talk(self, command: str, stdin: Iterator[bytes], reader: Reader, timeout: float) -> Answer:
        start = time.monotonic()
        with self._channel(min(timeout, _OPEN_TIMEOUT)) as channel:
            try:
                execute(channel, command, min(timeout, _OPEN_TIMEOUT))
                status = pump(channel, stdin, reader, start + timeout)
            except TimeoutError as error:
                raise timed_out(self.target.name, reader, timeout) from error
            except (paramiko.SSHException, OSError, EOFError) as error:
                raise self._broken() from error
        if not reader.ended and (self._cancelled or not self._transport.is_active()):
            raise self._broken()
        answer = reader.close()
        answer.seconds = time.monotonic() - start
        explain(answer, reader.ended, status)
        return answer

    @contextlib.contextmanager
    def _channel(self, timeout: float) -> Iterator[paramiko.Channel]:
        if self._cancelled:
            raise self._broken()
        try:
            channel = self._transport.open_session(timeout=timeout)
        except paramiko.ChannelException as error:
            raise ConnectionLost(
                f"{self.target.name} refused another channel: {error.text}",
                "see MaxSessions in its sshd_config",
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._broken() from error
        with self._lock:
            self.execs += 1
            self._channels.add(channel)
        try:
            if self._cancelled:
                raise self._broken()
            yield channel
        finally:
            with self._lock:
                self._channels.discard(channel)
            channel.close()

    def _broken(self) -> RemoteError:
        if self._cancelled:
            return Cancelled(f"{self.target.name}: stopped from this side")
        return lost(self._transport, self.target.name)
