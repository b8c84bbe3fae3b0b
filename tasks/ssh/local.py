"""This machine as a host: the same protocol over a child process."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tasks.inventory.secret import Secret
from tasks.script import protocol
from tasks.script.answer import Answer
from tasks.script.protocol import Reader, Scrubber
from tasks.ssh import put
from tasks.ssh.errors import Cancelled
from tasks.ssh.outcome import explain, timed_out
from tasks.ssh.target import Target

_GRACE = 1.0  # seconds: for output after the end, and between asking a group to stop and killing it


class LocalConnection:
    """Has the methods of Connection. `execs` counts the shells started."""

    system = "posix"

    def __init__(self, target: Target) -> None:
        self.target = target
        self.execs = 0
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._cancelled = False

    def run(
        self,
        script: str,
        *,
        secrets: Mapping[str, Secret] | None = None,
        timeout: float,
        on_step: Callable[[str], None] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> Answer:
        """As Connection.run."""
        mark = protocol.new_mark()
        stdin = protocol.wrap(script, mark, secrets or {})
        scrub = Scrubber([*(secrets or {}).values(), self.target.password])
        reader = Reader(mark, scrub, on_step, on_line)
        start = time.monotonic()
        with self._process() as process:
            try:
                status = _pump(process, stdin, reader, start + timeout)
            except TimeoutError as error:
                raise timed_out(self.target.name, reader, timeout) from error
        if self._cancelled and not reader.ended:
            raise Cancelled(f"{self.target.name}: stopped from this side")
        answer = reader.close()
        answer.seconds = time.monotonic() - start
        explain(answer, reader.ended, status)
        return answer

    def stream(
        self, script: str, on_line: Callable[[str], None], *, secrets: Mapping[str, Secret] | None = None
    ) -> Answer:
        """As Connection.stream."""
        return self.run(script, secrets=secrets, timeout=float("inf"), on_line=on_line)

    def put(
        self,
        source: Path | bytes,
        path: str,
        mode: int = 0o600,
        on_bytes: Callable[[int, int], None] | None = None,
        timeout: float = 3600.0,
    ) -> None:
        """As Connection.put; the timeout is not needed here."""
        put.local(put.Load.of(source), path, mode, on_bytes)

    @contextlib.contextmanager
    def forward_local(self, local_port: int, remote_host: str, remote_port: int) -> Iterator[int]:
        """The port is on this machine already."""
        yield remote_port

    def cancel(self) -> None:
        """As Connection.cancel."""
        with self._lock:
            self._cancelled = True
            running = list(self._running)
        for process in running:
            _signal_group(process, signal.SIGTERM)

    def close(self) -> None:
        self.cancel()

    def __enter__(self) -> LocalConnection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _process(self) -> Iterator[subprocess.Popen]:
        with self._lock:
            if self._cancelled:
                raise Cancelled(f"{self.target.name}: stopped from this side")
            process = subprocess.Popen(
                ["sh", "-s"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=_home(),
                start_new_session=True,  # Ctrl-C in the terminal must not stop it before this side decides
            )
            self._running.add(process)
            self.execs += 1
        try:
            yield process
        finally:
            with self._lock:
                self._running.discard(process)
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


def _pump(process: subprocess.Popen, stdin: bytes, reader: Reader, deadline: float) -> int | None:
    """Feeds stdin while taking in stdout and stderr; the exit status. Raises TimeoutError at the deadline."""
    left = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        for pipe, take in ((process.stdout, reader.stdout), (process.stderr, reader.stderr)):
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, take)
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while len(selector.get_map()):
            # A daemon that the script left behind may hold its output open for ever.
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
                    left = _feed(process, selector, left)
                elif data := os.read(key.fd, 1 << 16):
                    key.data(data)
                else:
                    selector.unregister(key.fileobj)
    return (
        process.wait(max(0.1, deadline - time.monotonic())) if process.poll() is None else process.returncode
    )


def _feed(process: subprocess.Popen, selector: selectors.BaseSelector, left: memoryview) -> memoryview:
    try:
        left = left[os.write(process.stdin.fileno(), left[: 1 << 16]) :]
    except BrokenPipeError:  # it ended without reading all; its status says why
        left = left[:0]
    if not left:
        selector.unregister(process.stdin)
        process.stdin.close()
    return left


def _home() -> Path:
    """Where a script begins: the home as ssh would have it, / where there is none."""
    with contextlib.suppress(RuntimeError):
        if Path.home().is_dir():
            return Path.home()
    return Path("/")


def _signal_group(process: subprocess.Popen, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
