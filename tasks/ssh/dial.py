"""From a Target to an authenticated Transport: sockets, proxy commands, jump hosts."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
import threading
import time

import paramiko

from tasks.inventory.secret import Secret
from tasks.ssh import auth
from tasks.ssh.errors import ConfigProblem, RemoteError, Unreachable
from tasks.ssh.proxy import ProxySocket
from tasks.ssh.sshconfig import Route, resolve
from tasks.ssh.target import Settings, Target
from tasks.ssh.transport import Dropped, Transport, handshake

_MAX_HOPS = 8
_TRIES = 4  # for servers that drop new connections while many log in (MaxStartups)


def open_transport(target: Target, settings: Settings, depth: int = 0) -> Transport:
    """An authenticated Transport. Raises a RemoteError with the reason if it can't connect."""
    route = resolve(target, settings)
    transport = _reach(target, route, settings, depth)
    try:
        auth.log_in(transport, route, settings, lambda: _password(target, route, settings, depth))
    except BaseException:
        transport.close()
        raise
    transport.set_keepalive(route.keepalive)
    transport.forward_agent = route.forward_agent
    return transport


def _reach(target: Target, route: Route, settings: Settings, depth: int) -> Transport:
    """A Transport to the server, with its host key checked and nobody logged in."""
    for attempt in range(_TRIES):
        sock = _socket(target, route, settings, depth)
        try:
            return handshake(sock, route, settings)
        except Unreachable as error:
            if isinstance(sock, ProxySocket) and (why := sock.last_line()):
                raise Unreachable(
                    f"{route} cannot be reached through its ProxyCommand: {why}", error.hint
                ) from error
            if not isinstance(error, Dropped) or attempt == _TRIES - 1:
                raise
        time.sleep(random.uniform(0.2, 0.6) * 2**attempt)
    raise AssertionError("not reached")


def _password(target: Target, route: Route, settings: Settings, depth: int) -> Secret | None:
    if target.password is not None or depth == 0:
        return settings.secret(target.password)
    # The hosts file has no passwords of jump hosts, and a jump host must not learn the target's password.
    who = f"{route.user}@{route}"
    typed = settings.once(("password", who), lambda: settings.question(f"Password of {who}: "))
    return Secret(typed) if typed else None


def _socket(target: Target, route: Route, settings: Settings, depth: int) -> socket.socket | paramiko.Channel:
    if route.proxy_jump:
        return _through(target, route, settings, depth)
    if route.proxy_command:
        return ProxySocket(route.proxy_command)
    return _tcp(route)


def _through(target: Target, route: Route, settings: Settings, depth: int) -> paramiko.Channel:
    hop = _hop(target, route)
    _refuse_circle(hop, settings)
    jump = _shared(hop, settings, depth + 1)
    last = hop.host
    try:
        return jump.open_channel(
            "direct-tcpip", (route.hostname, route.port), ("127.0.0.1", 0), timeout=route.connect_timeout
        )
    except paramiko.ChannelException as error:
        raise Unreachable(f"{route} cannot be reached from jump host {last}: {error.text}") from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise Unreachable(f"{route} did not answer through jump host {last}") from error


def _hop(target: Target, route: Route) -> Target:
    """The last jump host as a Target of its own, behind those before it."""
    *before, last = route.proxy_jump
    return Target(
        name=f"jump host {last}",
        host=last,
        jump=tuple(before),
        host_keys=target.host_keys,
        key=target.key,
        connect_timeout=target.connect_timeout,
    )


def _refuse_circle(hop: Target, settings: Settings) -> None:
    """Refuses jump hosts that are each behind the other, which would wait for each other forever."""
    first = hop
    for _ in range(_MAX_HOPS):
        route = resolve(hop, settings)
        if not route.proxy_jump:
            return
        hop = _hop(hop, route)
    raise ConfigProblem(
        f"{first.name} is behind more than {_MAX_HOPS} jump hosts",
        "do they name each other in ~/.ssh/config?",
    )


def _shared(hop: Target, settings: Settings, depth: int) -> Transport:
    """One Transport for all hosts behind a jump host: sshd drops connections when fifty log in at once."""
    shared = settings.once(("jump", hop), _Shared)
    with shared.lock:
        if shared.transport is None or not shared.transport.is_active():
            shared.transport = None
            if shared.failed and time.monotonic() - shared.failed_at < hop.connect_timeout:
                raise shared.failed  # the others have already waited for the first one, and need not wait as long again
            try:
                shared.transport = open_transport(hop, settings, depth)
            except RemoteError as error:
                shared.failed, shared.failed_at = error, time.monotonic()
                raise
            settings.at_close(shared.transport.close)
        return shared.transport


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.transport: Transport | None = None
        self.failed: RemoteError | None = None
        self.failed_at = 0.0


def _tcp(route: Route) -> socket.socket:
    try:
        found = socket.getaddrinfo(route.hostname, route.port, route.family, socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Unreachable(
            f"name {route.hostname} is not known: {getattr(error, 'strerror', None) or error}",
            "correct `host:`, use an address, or add an alias to ~/.ssh/config",
        ) from error
    deadline = time.monotonic() + route.connect_timeout
    problem: OSError = TimeoutError()
    for left, (family, kind, protocol, _, address) in zip(range(len(found), 0, -1), found, strict=True):
        sock = socket.socket(family, kind, protocol)
        try:
            # An address that does not answer must leave time for the next ones.
            sock.settimeout(max(0.5, (deadline - time.monotonic()) / left))
            if route.bind_address:
                sock.bind((route.bind_address, 0))
            sock.connect(address)
        except OSError as error:
            sock.close()
            problem = error
            continue
        _watch(sock)
        return sock
    raise _unreachable(route, problem) from problem


def _watch(sock: socket.socket) -> None:
    """Turns on TCP keepalive to detect a lost host: paramiko's keepalive does not wait for a reply."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", 15),
        ("TCP_KEEPINTVL", 15),
        ("TCP_KEEPCNT", 4),
        ("TCP_USER_TIMEOUT", 60000),
    ):
        if hasattr(socket, name):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _unreachable(route: Route, error: OSError) -> Unreachable:
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"{route} refused the connection", "is sshd running there, and on that port?")
    if isinstance(error, TimeoutError):
        return Unreachable(
            f"{route} did not answer within {route.connect_timeout:g} s",
            "is the host up, the address right and the port open in its firewall?",
        )
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN):
        return Unreachable(
            f"no route to {route}", "check the address and this machine's network, or use `jump:`"
        )
    if isinstance(error, ConnectionResetError):
        return Unreachable(f"{route} reset the connection", "check its firewall and the log of its sshd")
    return Unreachable(f"{route} cannot be connected to: {error.strerror or error}")
