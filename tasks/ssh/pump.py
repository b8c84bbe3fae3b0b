"""Moves bytes between a channel and a Reader in one thread, so that neither side can block the other."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import paramiko
from paramiko.message import Message

from tasks.script.protocol import Reader

CHUNK = 1 << 16
_GRACE = 1.0  # seconds for the rest of the output after the script has ended


class _Wake(threading.Event):
    """Shared by both output streams of a channel: an empty stdout must not hide that stderr has data."""

    def clear(self) -> None:
        pass

    def rest(self) -> None:
        super().clear()


def execute(channel: paramiko.Channel, command: str, timeout: float) -> None:
    """Starts `command`. paramiko's Channel.exec_command would wait forever for a hung server.

    Raises TimeoutError, or SSHException if the server does not run it.
    """
    request = Message()
    request.add_byte(b"\x62")  # SSH_MSG_CHANNEL_REQUEST
    request.add_int(channel.remote_chanid)
    request.add_string("exec")
    request.add_boolean(True)
    request.add_string(command)
    channel._event_pending()
    channel.transport._send_user_message(request)
    if not channel.event.wait(timeout):
        raise TimeoutError
    if channel.closed:
        raise paramiko.SSHException("the server did not start the command")


def hang_up(channel: paramiko.Channel) -> None:
    """Tells the server to send SIGHUP to the command, as at the end of a terminal; without one it would run on.

    OpenSSH does so since 7.9, save for root: there a command without a terminal runs on until it writes output.
    """
    if channel.closed or channel.exit_status_ready():
        return
    request = Message()
    request.add_byte(b"\x62")  # SSH_MSG_CHANNEL_REQUEST
    request.add_int(channel.remote_chanid)
    request.add_string("signal")
    request.add_boolean(False)
    request.add_string("HUP")
    with contextlib.suppress(EOFError, OSError, paramiko.SSHException):  # the connection is gone already
        channel.transport._send_user_message(request)


def pump(channel: paramiko.Channel, stdin: Iterator[bytes], reader: Reader, deadline: float) -> int | None:
    """Sends all of `stdin` while taking in stdout and stderr; returns the exit status, None if there is none.

    Raises TimeoutError at `deadline` (time.monotonic).
    """
    wake = _Wake()
    channel.in_buffer.set_event(wake)
    channel.in_stderr_buffer.set_event(wake)
    chunk = next(stdin, None)
    while True:
        wake.rest()
        if chunk is not None:
            chunk = _send(channel, chunk, stdin)
        busy = _drain(channel, reader)
        if channel.eof_received or channel.closed:
            if not busy:
                break
            continue
        if reader.ended and channel.exit_status_ready():
            # A daemon that the script started may keep its output open forever.
            deadline = min(deadline, time.monotonic() + _GRACE)
            if not _linger(channel, reader, wake, deadline):
                break
            continue
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not busy:
            # there is no event for when the host reads more stdin
            waiting = chunk is not None
            if not (waiting and channel.send_ready()):
                wake.wait(min(left, 0.01 if waiting else 1.0))
    channel.status_event.wait(max(0.0, min(_GRACE * 5, deadline - time.monotonic())))
    return channel.exit_status if channel.exit_status_ready() and channel.exit_status >= 0 else None


def _send(channel: paramiko.Channel, chunk: bytes, stdin: Iterator[bytes]) -> bytes | None:
    """Returns what is left to send; None once all is sent and the host's stdin is closed."""
    while channel.send_ready():
        try:
            chunk = chunk[channel.send(chunk) :]
        except OSError:  # the script ended without reading all of it; its answer has the reason
            return None
        if not chunk:
            following = next(stdin, None)
            if following is None:
                channel.shutdown_write()
                return None
            chunk = following
    return chunk


def _drain(channel: paramiko.Channel, reader: Reader) -> bool:
    busy = False
    if channel.recv_ready():
        reader.stdout(channel.recv(CHUNK))
        busy = True
    if channel.recv_stderr_ready():
        reader.stderr(channel.recv_stderr(CHUNK))
        busy = True
    return busy


def _linger(channel: paramiko.Channel, reader: Reader, wake: _Wake, deadline: float) -> bool:
    """Reads the rest of the output until the channel closes; False if the deadline came first."""
    while time.monotonic() < deadline:
        wake.rest()
        if not _drain(channel, reader):
            if channel.eof_received or channel.closed:
                return True
            wake.wait(deadline - time.monotonic())
    return False
