"""ProxyCommand: a socket whose other end is a command's stdin and stdout."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading


class ProxySocket(socket.socket):
    """A real socket: paramiko's ProxyCommand supports no shell syntax, and uses a full CPU after the command ends."""

    def __init__(self, command: str) -> None:
        ours, theirs = socket.socketpair()
        super().__init__(fileno=ours.detach())
        self._text = ""
        self._lock = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 closed in close()
        with theirs:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                stdin=theirs,
                stdout=theirs,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C in the terminal is handled by this program
            )

    def last_line(self) -> str:
        """The last line that the command wrote to stderr; known once the socket is closed."""
        return self._text

    def close(self) -> None:
        super().close()
        with self._lock:  # paramiko's thread closes it as well
            if not self._errors.closed:
                self._end()

    def _end(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)  # most commands end when their stdin is closed
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
        with self._errors as errors:
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
        self._text = lines[-1] if lines else ""
