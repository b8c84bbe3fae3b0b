"""A host that is reached with ssh."""

from __future__ import annotations

import contextlib
import getpass
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import paramiko
from fabric import Config
from fabric.connection import opens
from fabric.runners import Remote

from tasks.script.protocol import Reader
from tasks.ssh import dial, forward, windows
from tasks.ssh.base import BaseConnection
from tasks.ssh.errors import Cancelled, ConfigProblem, ConnectionLost, TunnelRefused, Unreachable
from tasks.ssh.local import LocalConnection
from tasks.ssh.pump import execute, hang_up, pump
from tasks.ssh.sshconfig import resolve
from tasks.ssh.target import Settings, Target
from tasks.ssh.transport import lost

_PROHIBITED = 1  # SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254)
_OPEN_TIMEOUT = 60.0  # seconds within which a channel must open and its shell must start


def connection_to(
    target: Target, settings: Settings, config: Config | None = None
) -> Connection | LocalConnection:
    """The connection to a host, not yet open; it opens on first use."""
    return (LocalConnection if target.local else Connection)(target, settings, config)


def connect(
    target: Target, settings: Settings, tell: Callable[[str], None] | None = None
) -> Connection | LocalConnection:
    """The connection to a host, opened now.

    :param tell: called with what it waits for.
    :raises RemoteError: the reason why it can't be opened.
    """
    connection = connection_to(target, settings)
    connection.open(tell)
    return connection


class Connection(BaseConnection):
    """Logs in as plain ``ssh`` would; see :meth:`open`."""

    def __init__(
        self, target: Target | str, settings: Settings | None = None, config: Config | None = None
    ) -> None:
        self._set(_opening=threading.Lock(), _closed=False, _commands=weakref.WeakSet())
        super().__init__(target, settings, config)

    @property
    def system(self) -> str:
        self._make_ready()
        return "windows" if windows.is_windows(self.transport.remote_version or "") else "posix"

    @property
    def why(self) -> str:
        """Why the system's own ssh is the line to the host; '' if it is not, or if the hosts file says so."""
        return self.transport.why if self.transport else ""

    def _where(self) -> tuple[str, str, int]:
        if self._address is None:
            try:
                route = resolve(self.target, self.settings)
                self._set(_address=(route.hostname, route.user, route.port))
            except ConfigProblem:  # open() reports it
                user = self.target.user or getpass.getuser()
                self._set(_address=(self.target.host, user, self.target.port or 22))
        return self._address

    def open(self, tell: Callable[[str], None] | None = None) -> None:
        """Connects and logs in, if that is not done yet.

        Fabric's method lets paramiko's client connect. This one gives the client a Transport that is already logged
        in, so that Fabric's other methods work with it.

        :param tell: called with what it waits for.
        :raises RemoteError: the reason why it can't connect.
        """
        with self._opening:
            if self.is_connected:
                return
            self._refuse_cancelled()
            stops = self._stops
            transport = dial.open_transport(self.target, self.settings, tell=tell)
            if self._stops != stops:
                transport.close()
                raise Cancelled(f"{self.name}: stopped from this side")
            self._set(_sftp=None, _closed=False)
            self.forward_agent = transport.forward_agent
            self.client._transport = transport
            self.transport = transport

    def _make_ready(self) -> None:
        self._refuse_cancelled()
        if self.transport is None or self._closed:
            self.open()
        elif not self.is_connected:
            # The cluster's lock was lost with the old connection, so the run must not continue as if it still held it.
            raise self._lost()

    def close(self) -> None:
        super().close()
        self._set(_closed=True)

    def create_session(self) -> paramiko.Channel:
        """Like Fabric's; :meth:`cancel` ends the command in it."""
        self._refuse_cancelled()
        channel = super().create_session()
        self._commands.add(channel)
        self._note(channel)
        return channel

    def cancel(self) -> None:
        """Like :meth:`BaseConnection.cancel`; also tells the host to end the commands of ``run`` and ``sudo``."""
        for channel in list(self._commands):
            hang_up(channel)
        super().cancel()

    def _remote_runner(self) -> Remote:
        return Runner(context=self, inline_env=self.inline_ssh_env)

    @contextlib.contextmanager
    @opens
    def forward_local(
        self,
        local_port: int,
        remote_port: int | None = None,
        remote_host: str = "localhost",
        local_host: str = "localhost",
    ) -> Iterator[int]:
        """Like Fabric's, but yields the port; ``local_port`` 0 takes a free one.

        If nothing listens on the host, only that one connection ends; in Fabric the whole tunnel does.

        :raises PortTaken: this machine cannot listen there.
        """
        far = (remote_host, remote_port or local_port)

        def dial_far(peer: tuple[str, int]) -> paramiko.Channel:
            # the transport of now: the connection may have been opened again
            return self.transport.open_channel("direct-tcpip", far, peer, timeout=30)

        with forward.listen(local_host, local_port, dial_far) as port:
            yield port

    def knock(self, host: str, port: int, timeout: float = 10.0) -> None:
        """Opens one connection from the host to an address, as a tunnel does, and closes it.

        :raises TunnelRefused: the SSH server does not permit it.
        :raises Unreachable: nothing answers there.
        :raises ConnectionLost: the connection to the host broke.
        """
        self._make_ready()
        where = f"port {port} of {host} on {self.name}"
        try:
            self.transport.open_channel(
                "direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=timeout
            ).close()
        except paramiko.ChannelException as error:
            if error.code == _PROHIBITED:
                raise TunnelRefused(
                    f"the SSH server of {self.name} permits no tunnel (AllowTcpForwarding, DisableForwarding, "
                    "PermitOpen, or no-port-forwarding of the key)"
                ) from error
            raise Unreachable(f"nothing answers at {where}: {error.text}") from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            if self.is_connected:
                raise Unreachable(f"no answer from {where} within {timeout:g} s") from error
            raise self._lost() from error

    def _end(self, thing: paramiko.Channel) -> None:
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):  # the host closed it first
            thing.close()

    def _exchange(self, command: str, stdin: Iterator[bytes], reader: Reader, deadline: float) -> int | None:
        limit = min(deadline - time.monotonic(), _OPEN_TIMEOUT)
        try:
            channel = self.transport.open_session(timeout=limit)
            try:
                with self._noted(channel):
                    execute(channel, command, limit)
                    return pump(channel, stdin, reader, deadline)
            finally:
                channel.close()
        except TimeoutError:
            raise
        except paramiko.ChannelException as error:
            raise ConnectionLost(
                f"{self.name} refused another channel: {error.text}", "see MaxSessions in its sshd_config"
            ) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._lost() from error

    def _lost(self) -> ConnectionLost:
        return lost(self.transport, self.name)


class Runner(Remote):
    """Fabric's runner; a lost connection raises an error, where Fabric's reports exit status -1."""

    killed = False

    def returncode(self) -> Any:
        status = super().returncode()
        if status == -1:
            self.context._refuse_cancelled()
            if not self.context.is_connected:
                raise self.context._lost()
        return status

    def send_interrupt(self, interrupt: KeyboardInterrupt) -> None:
        """Ctrl-C ends the command. Without a terminal, Fabric would wait for the command to end itself."""
        if not self.using_pty:
            self._end()
        super().send_interrupt(interrupt)

    def stop(self) -> None:
        """Ends the command if it still runs: a Ctrl-C may come before Fabric begins to wait for its end."""
        if not self.using_pty and hasattr(self, "channel"):
            self._end()
        super().stop()

    def kill(self) -> None:
        """What the time limit does. Sets `timed_out` first: Invoke sets it last, when the run may have ended."""
        self.killed = True
        self._end()

    @property
    def timed_out(self) -> bool:
        return self.killed

    def _end(self) -> None:
        hang_up(self.channel)
        self.channel.close()
