"""From a Target to an authenticated Transport: sockets, proxy commands, jump hosts."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
import threading
import time
from collections.abc import Callable

import paramiko

from tasks.inventory.secret import Secret
from tasks.ssh.auth import Login
from tasks.ssh.errors import AuthFailed, ConfigProblem, RemoteError, Unreachable
from tasks.ssh.identities import on_token
from tasks.ssh.proxy import ProxySocket
from tasks.ssh.sshconfig import Route, resolve
from tasks.ssh.system import living_master, open_system
from tasks.ssh.target import Settings, Target
from tasks.ssh.transport import Dropped, Incapable, Transport, handshake
from tasks.text.wording import printable

_MAX_HOPS = 8
_PROHIBITED = 1  # SSH_OPEN_ADMINISTRATIVELY_PROHIBITED of RFC 4254
_BOOT, _BOOT_LOOK = 60.0, 2.0  # seconds: for a host that is starting, and between two looks
_PATIENCE = 2.0  # seconds of waiting for a person after which a lost login is tried again
_PASSWORDS = 3  # that a person may type, as in ssh
_TRIES = 4  # for servers that drop new connections while many log in (MaxStartups)


def open_transport(
    target: Target, settings: Settings, depth: int = 0, tell: Callable[[str], None] | None = None
) -> Transport:
    """An authenticated Transport. Raises a RemoteError with the reason if it can't connect.

    Where OpenSSH's client can do what this program can't, it becomes the line to the host.

    :param tell: called with what it waits for.
    """
    route = resolve(target, settings)
    if target.openssh:
        return open_system(target, route, settings, "", tell)
    master = living_master(target, route, settings)
    try:
        transport = _log_in(target, route, settings if master is None else settings.silent(), depth, tell)
    except RemoteError as error:
        if master is not None:
            return master
        if not (why := _only_openssh(error, route, settings)):
            raise
        try:
            return open_system(target, route, settings, why, tell)
        except RemoteError:
            raise error from None
    transport.set_keepalive(route.keepalive)
    transport.forward_agent = route.forward_agent
    return transport


def _only_openssh(error: RemoteError, route: Route, settings: Settings) -> str:
    """What OpenSSH's client has and this program lacks, if that is why it can't connect; or ''."""
    if settings.ssh_client is None:
        return ""
    if isinstance(error, Incapable):
        return "the server's algorithms"
    if not isinstance(error, AuthFailed):
        return ""
    names = {"gssapi-with-mic": "Kerberos", "hostbased": "host-based authentication"}
    found = [name for method, name in names.items() if method in route.beyond and method in error.allowed]
    if "publickey" in error.allowed:
        found += ["PKCS#11"] if "PKCS#11" in route.beyond else []
        found += ["a security key"] if on_token(route, settings) else []
    return " and ".join(found)


def _log_in(
    target: Target, route: Route, settings: Settings, depth: int, tell: Callable[[str], None] | None
) -> Transport:
    start, again = time.monotonic(), False
    while True:
        transport = _reach(target, route, settings, depth)
        login = Login(transport, route, settings, lambda refused: _password(target, route, settings, refused))
        try:
            login.run()
            break
        except AuthFailed:
            transport.close()
            if login.boots and time.monotonic() - start < _BOOT:
                if tell:
                    tell(f"waiting until {route.hostname} has started")
                time.sleep(_BOOT_LOOK)
            elif login.cut and login.waited > _PATIENCE and not again:
                again = (
                    True  # the server's patience ended before a person had answered; the answer is known now
                )
            else:
                raise
        except BaseException:
            transport.close()
            raise
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


def _password(target: Target, route: Route, settings: Settings, refused: int) -> Secret | None:
    """The password to send next; one of the hosts file once, else those that a person types, as in ssh."""
    if target.password is not None:
        return None if refused else settings.secret(target.password)
    # The hosts file has no passwords of jump hosts, and a jump host must not learn the target's password.
    if refused == _PASSWORDS or settings.ask is None:
        return None
    who = f"{route.user}@{route}"
    if settings.tired:
        return None
    typed = settings.once(("password", who, refused), lambda: settings.question(f"Password of {who}: "))
    settings.tired = not typed
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
        if error.code == _PROHIBITED:
            words = _words_of(jump)
            raise Unreachable(
                f"jump host {last} forwards no connection to {route}: {words or error.text}",
                "another user for it, as in `jump: user@host`; or AllowTcpForwarding yes in its sshd_config",
            ) from error
        raise Unreachable(
            f"{route} cannot be reached from jump host {last}: {error.text}",
            "is the address right as the jump host sees it, and the port open in its firewall?",
        ) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise Unreachable(f"{route} did not answer through jump host {last}") from error


def _words_of(jump: Transport) -> str:
    """What the login on a jump host says instead of running a command; '' if nothing."""
    with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
        channel = jump.open_session(timeout=5)
        with channel:
            channel.settimeout(5)
            channel.set_combine_stderr(True)
            channel.exec_command("exit")
            said = b""
            while data := channel.recv(4096):
                said += data
        lines = said.decode("utf-8", "replace").splitlines()
        return " | ".join(printable(line.strip()) for line in lines[:4] if line.strip())
    return ""


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
