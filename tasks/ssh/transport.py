"""paramiko's Transport, plus host keys checked before login, host certificates, and the server's reasons."""

from __future__ import annotations

import contextlib
import logging
import socket
from typing import ClassVar

import paramiko
from paramiko.message import Message

from tasks.ssh.errors import ConnectionLost, Unreachable
from tasks.ssh.hostkeys import Verifier
from tasks.ssh.sshconfig import Route
from tasks.ssh.target import Settings
from tasks.text.wording import printable

# paramiko's threads log errors that are reported here as exceptions; without a handler they land on stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


CLOSE = (
    97  # SSH_MSG_CHANNEL_CLOSE (RFC 4254); data, window, EOF and request messages have the numbers around it
)
CHANNEL_MESSAGES = range(93, 101)


class Transport(paramiko.Transport):
    """Asks for the given host key algorithms, and keeps the message with which the server disconnects.

    It sends nothing on a channel after that channel's CLOSE. paramiko builds a message and sends it later; another
    thread may close the channel in between. OpenSSH's server then ends the whole connection, which on a jump host
    disconnects all hosts behind it.
    """

    host_key_algorithms: tuple[str, ...] = ()
    host_key_blob = b""
    farewell = ""
    greeting: tuple[
        str, ...
    ] = ()  # the lines before the server's version: TCP wrappers and others say why they close
    offered: dict[str, list[str]] | None = None  # by the server, by paramiko's names for the lists
    why = ""  # why this is the line to the host, if it is not the usual one
    # RFC 8731 gives it a name of its own, and some servers know only that one
    _kex_info: ClassVar = {**paramiko.Transport._kex_info}
    _preferred_kex = paramiko.Transport._preferred_kex
    if (curve := _kex_info.get("curve25519-sha256@libssh.org")) and "curve25519-sha256" not in _kex_info:
        _kex_info["curve25519-sha256"] = curve
        at = _preferred_kex.index("curve25519-sha256@libssh.org")
        _preferred_kex = (*_preferred_kex[:at], "curve25519-sha256", *_preferred_kex[at:])
    forward_agent = False  # whether ssh's configuration asks for it

    def __init__(self, sock: socket.socket | paramiko.Channel) -> None:
        self._closed_channels: set[bytes] = set()  # by the server's numbers
        super().__init__(sock)
        self.channel_timeout = 60.0  # seconds; paramiko would wait an hour for a server that hangs

    def _send_message(self, data: Message) -> None:
        # paramiko holds a lock: there is only one message of a channel at a time
        head = data.asbytes()[:5]
        if head[0] in CHANNEL_MESSAGES:
            if head[1:] in self._closed_channels:
                return
            if head[0] == CLOSE:
                self._closed_channels.add(head[1:])
        super()._send_message(data)

    def _parse_channel_open_success(self, m: Message) -> None:
        self._closed_channels.discard(m.asbytes()[4:8])  # the server uses the number for a new channel
        super()._parse_channel_open_success(m)

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        return self.host_key_algorithms

    def _check_banner(self) -> None:
        readline = self.packetizer.readline

        def noted(timeout: float) -> str:
            line = readline(timeout)
            if not line.startswith("SSH-"):
                self.greeting += (line,)
            return line

        self.packetizer.readline = noted
        try:
            super()._check_banner()
        finally:
            del self.packetizer.readline

    def _really_parse_kex_init(self, m: Message, ignore_first_byte: bool = False) -> dict:
        self.offered = super()._really_parse_kex_init(m, ignore_first_byte)
        return dict(self.offered)

    def _verify_key(self, host_key: bytes, sig: bytes) -> None:
        # Only the first host key was verified: the server must not send another one when session keys are renewed.
        if self.host_key_blob and host_key != self.host_key_blob:
            raise paramiko.SSHException("the host key changed while connected")
        super()._verify_key(host_key, sig)
        self.host_key_blob = host_key

    def close(self) -> None:
        # paramiko's reader polls every 0.1 s: wake it, or closing a hundred connections takes ten seconds
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)
        super().close()

    def _parse_disconnect(self, m: Message) -> None:
        m.get_int()
        self.farewell = m.get_text()


def handshake(sock: socket.socket, route: Route, settings: Settings) -> Transport:
    """Exchanges keys and verifies the host key; nobody is logged in yet.

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
        return Unreachable(f"{route} ended the connection: {transport.farewell}", "see the log of its sshd")
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return Incapable(
            _nothing_in_common(text, transport, route), "update its sshd; or connection: openssh"
        )
    if "host key changed" in text or "Signature verification" in text:
        return Unreachable(f"{route} could not prove that it owns its host key")
    lines = dict.fromkeys(printable(line.strip()) for line in transport.greeting) if transport else {}
    greeting = " | ".join([line for line in lines if line][:4])
    if greeting and "banner" in text and isinstance(error.__context__, (EOFError, ConnectionError)):
        return Dropped(f"{route} closed the connection: {greeting}", "ask who runs the host, or wait a while")
    if greeting:
        return Unreachable(f"{route} is not an SSH server: it says: {greeting}", "check the port")
    if "banner" in text and isinstance(error.__context__, (EOFError, ConnectionError)):
        return Dropped(
            f"{route} closed the connection before saying anything",
            "see MaxStartups in its sshd_config; fail2ban, TCP wrappers or a firewall may have shut out this machine",
        )
    if "Indecipherable" in text:
        return Unreachable(f"{route} is not an SSH server", "check the port")
    return Unreachable(
        f"{route} took the connection but did not answer as an SSH server within {route.connect_timeout:g} s",
        "check the load of the host and its sshd",
    )


def _nothing_in_common(text: str, transport: Transport | None, route: Route) -> str:
    """Which kind of algorithm both sides have in no common form, and what each offers."""
    kinds = {
        "kex": ("key exchange", "kex_algo_list", "preferred_kex"),
        "host key": ("type of host key", "server_key_algo_list", "preferred_keys"),
        "cipher": ("cipher", "server_encrypt_algo_list", "preferred_ciphers"),
        "mac": ("MAC", "server_mac_algo_list", "preferred_macs"),
    }
    for word, (kind, theirs, ours) in kinds.items():
        if transport is not None and transport.offered and word in text.replace("ciphers", "cipher"):
            hers = [
                name
                for name in transport.offered[theirs]
                if not name.startswith(("ext-info-", "kex-strict-"))
            ]
            mine = ", ".join(getattr(transport, ours))
            return f"{route} has no {kind} that this program has: it offers {', '.join(hers)}; this program {mine}"
    return f"{route} and this program have no algorithm in common: {text}"


class Incapable(Unreachable):
    """The server asks for what this program's SSH lacks; OpenSSH's client may have it."""


class Dropped(Unreachable):
    """Closed before the server sent anything, as sshd does when too many log in at once. Another try may succeed."""


def lost(transport: Transport, name: str) -> ConnectionLost:
    """The error for a connection that broke, with the server's reason if it gave one."""
    reason = f": {transport.farewell}" if transport.farewell else ""
    return ConnectionLost(f"the connection to {name} broke{reason}", "run again; finished work is kept")
