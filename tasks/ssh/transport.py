"""paramiko's Transport with what it leaves out: host keys before auth, host certificates, reasons."""

from __future__ import annotations

import contextlib
import logging
import socket

import paramiko
from paramiko.message import Message

from tasks.ssh.errors import ConnectionLost, Unreachable
from tasks.ssh.hostkeys import Verifier
from tasks.ssh.sshconfig import Route
from tasks.ssh.target import Settings

# paramiko's threads log errors that are reported here as exceptions; without a handler they land on stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


CLOSE = 97  # SSH_MSG_CHANNEL_CLOSE (RFC 4254); data, windows, EOF and requests are the numbers around it
OF_A_CHANNEL = range(93, 101)


class Transport(paramiko.Transport):
    """Asks for the host key algorithms that it is told, and keeps the server's parting words.

    Nothing follows the end of a channel: paramiko writes a message in one place and sends it in another, between
    which another thread may close the channel. To OpenSSH's server that is a reason to end the whole connection,
    and with it those of all hosts behind a jump host.
    """

    host_key_algorithms: tuple[str, ...] = ()
    host_key_blob = b""
    farewell = ""

    def __init__(self, sock: socket.socket | paramiko.Channel) -> None:
        self._over: set[bytes] = set()  # the server's numbers of the channels that are closed from here
        super().__init__(sock)

    def _send_message(self, data: Message) -> None:
        # one message of a channel's at a time comes here: paramiko holds a lock
        head = data.asbytes()[:5]
        if head[0] in OF_A_CHANNEL:
            if head[1:] in self._over:
                return
            if head[0] == CLOSE:
                self._over.add(head[1:])
        super()._send_message(data)

    def _parse_channel_open_success(self, m: Message) -> None:
        self._over.discard(m.asbytes()[4:8])  # the number belongs to a new channel
        super()._parse_channel_open_success(m)

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        return self.host_key_algorithms

    def _verify_key(self, host_key: bytes, sig: bytes) -> None:
        # A server that shows another key when keys are renewed was checked under the first one only.
        if self.host_key_blob and host_key != self.host_key_blob:
            raise paramiko.SSHException("the host key changed while connected")
        super()._verify_key(host_key, sig)
        self.host_key_blob = host_key

    def close(self) -> None:
        # paramiko's reader looks up only every 0.1 s: wake it, or closing a hundred hosts takes ten seconds
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)
        super().close()

    def _parse_disconnect(self, m: Message) -> None:
        m.get_int()
        self.farewell = m.get_text()


def handshake(sock: socket.socket, route: Route, settings: Settings) -> Transport:
    """Key exchange and the host key's verification; nobody is logged in yet.

    Raises Unreachable, HostKeyProblem. The socket is closed if it fails.
    """
    verifier = Verifier.of(route, settings)
    transport = None
    try:
        transport = Transport(sock)
        transport.host_key_algorithms = verifier.algorithms()
        transport.banner_timeout = route.connect_timeout
        transport.handshake_timeout = max(15.0, route.connect_timeout)
        transport.start_client(timeout=transport.banner_timeout + transport.handshake_timeout)
        if not transport.host_key_blob:
            raise paramiko.SSHException("timed out")
        verifier.check(transport.host_key_blob, settings)
        return transport
    except BaseException as error:
        if transport is not None:
            transport.close()
        sock.close()
        if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
            raise _no_ssh(error, transport, route) from error
        raise


def _no_ssh(error: Exception, transport: Transport | None, route: Route) -> Unreachable:
    text = str(error)
    if transport is not None and transport.farewell:
        return Unreachable(f"{route} ended the connection: {transport.farewell}")
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return Unreachable(f"{route} and this machine have no algorithm in common: {text}", "update its sshd")
    if "host key changed" in text or "Signature verification" in text:
        return Unreachable(f"{route} could not prove that it owns its host key")
    if "banner" in text and isinstance(error.__context__, (EOFError, ConnectionError)):
        return Dropped(
            f"{route} closed the connection before saying anything", "see MaxStartups in its sshd_config"
        )
    if "Indecipherable" in text:
        return Unreachable(f"{route} is not an SSH server", "check the port")
    return Unreachable(
        f"{route} took the connection but did not answer as an SSH server within {route.connect_timeout:g} s",
        "look at the load of the host and at its sshd",
    )


class Dropped(Unreachable):
    """Closed before a word was said, as sshd does when too many log in at once: worth another try."""


def lost(transport: Transport, name: str) -> ConnectionLost:
    said = f": {transport.farewell}" if transport.farewell else ""
    return ConnectionLost(f"the connection to {name} broke{said}", "run again; finished work is kept")
