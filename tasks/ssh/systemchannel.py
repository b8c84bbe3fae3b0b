"""A channel whose other end is a process of OpenSSH's client, so that paramiko's and Fabric's code works with it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, BinaryIO

import paramiko
from paramiko.message import Message

if TYPE_CHECKING:
    from tasks.ssh.system import SystemTransport

_WINDOW = 1 << 21  # bytes that may be on their way in one direction
_CHUNK = 1 << 15
_DATA, _ADJUST, _EOF, _CLOSE, _REQUEST = 94, 93, 96, 97, 98  # messages of RFC 4254


class SystemChannel(paramiko.Channel):
    """One process. What paramiko sends to a server goes to :meth:`message` instead."""

    def __init__(self, number: int, client: list[str], host: str) -> None:
        super().__init__(number)
        self._client, self._host = client, host
        self._process: subprocess.Popen | None = None
        self._terminal = False
        self._environment: dict[str, str] = {}
        self._to_write: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._left = _WINDOW  # bytes that may still be read before somebody takes some

    def attach(self, transport: SystemTransport) -> None:
        """Makes it ready for requests."""
        self._set_transport(_Wire(self, transport))
        self._set_window(_WINDOW, _CHUNK)
        self._set_remote_channel(self.chanid, _WINDOW, _CHUNK)

    def start(self, command: list[str]) -> None:
        """Starts the client. :param command: what it runs on the host; with -W nothing."""
        options = ["-tt"] if self._terminal else ["-T"]
        for name, value in self._environment.items():
            options += ["-o", f"SetEnv={name}={value}"]
        self._process = subprocess.Popen(
            [*self._client, *options, *command[:-1], "--", self._host, *command[-1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is handled by this program
        )
        readers = [
            threading.Thread(target=self._read, args=(pipe, buffer), daemon=True)
            for pipe, buffer in (
                (self._process.stdout, lambda data: self._feed(data)),
                (
                    self._process.stderr,
                    lambda data: (self._feed if self.combine_stderr else self._feed_error)(data),
                ),
            )
        ]
        for thread in readers:
            thread.start()
        threading.Thread(target=self._write, daemon=True).start()
        threading.Thread(target=self._wait, args=(readers,), daemon=True).start()

    def stop(self) -> None:
        """Ends the process; the server then hangs up."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGTERM)
        with self._room:
            self._left = 1 << 62  # nobody reads any more
            self._room.notify_all()
        self._to_write.put(None)
        if self._process is None:
            self._unlink()

    def message(self, data: bytes) -> None:
        """One message of paramiko to the server."""
        message = Message(data[1:])
        kind = data[0]
        message.get_int()
        if kind == _DATA:
            self._to_write.put(message.get_binary())
        elif kind == _EOF:
            self._to_write.put(None)
        elif kind == _ADJUST:
            with self._room:
                self._left += message.get_int()
                self._room.notify_all()
        elif kind == _CLOSE:
            self.stop()
        elif kind == _REQUEST:
            self._request(message)

    def _request(self, message: Message) -> None:
        name, wants_reply = message.get_text(), message.get_boolean()
        if name == "exec":
            self.start([message.get_text()])
        elif name == "shell":
            self.start([])
        elif name == "subsystem":
            self.start(["-s", message.get_text()])
        elif name == "pty-req":
            self._terminal = True
        elif name == "env":
            self._environment[message.get_text()] = message.get_text()
        if wants_reply:
            self._request_success(message)

    def _feed_error(self, data: bytes) -> None:
        self.in_stderr_buffer.feed(data)

    def _read(self, pipe: BinaryIO, feed) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(pipe.fileno(), _CHUNK):
                feed(data)
                with self._room:
                    self._left -= len(data)
                    self._room.wait_for(lambda: self._left > 0)

    def _write(self) -> None:
        pipe = self._process.stdin
        with contextlib.suppress(OSError, ValueError):
            while (data := self._to_write.get()) is not None:
                pipe.write(data)
                pipe.flush()
                with self.lock:
                    self.out_window_size += len(data)
                    self.out_buffer_cv.notify_all()
        with contextlib.suppress(OSError):
            pipe.close()

    def _wait(self, readers: list[threading.Thread]) -> None:
        status = self._process.wait()
        for thread in readers:
            thread.join()
        for pipe in (self._process.stdout, self._process.stderr):
            pipe.close()
        self.exit_status = status
        self.status_event.set()
        self._handle_eof(None)
        self._to_write.put(None)
        self._unlink()
        self.transport._unlink_channel(self.chanid)


class _Wire:
    """What a channel needs of its transport."""

    server_object = None

    def __init__(self, channel: SystemChannel, transport: SystemTransport) -> None:
        self._channel, self._transport = channel, transport

    def __getattr__(self, name: str):
        return getattr(self._transport, name)

    def _send_user_message(self, message: Message) -> None:
        self._channel.message(message.asbytes())

    def _sanitize_packet_size(self, size: int | None) -> int:
        return size or _CHUNK
