"""OpenSSH's own client as the line to a host, with the face of a paramiko Transport.

One ``ssh`` process logs in and is the master; each channel is another one, which hands its streams to the master. So
whatever the user's ssh can do (algorithms, Kerberos, security keys), this program can do, too.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import paramiko

from tasks.ssh.asking import answering
from tasks.ssh.auth import wants_password
from tasks.ssh.errors import AuthFailed, ConfigProblem, HostKeyProblem, RemoteError, Unreachable
from tasks.ssh.openssh import openssh_argv
from tasks.ssh.sshconfig import Route
from tasks.ssh.systemchannel import SystemChannel
from tasks.ssh.target import Settings, Target
from tasks.text.wording import printable

_LOGIN = 120.0  # seconds for a login, without the time in which a person answers
_VERSION = "remote software version "
_PROBE = "echo rf-%OS%-$env:OS"  # prints Windows_NT in both shells of Windows


class SystemTransport:
    """The part of a paramiko Transport that connections and jump hosts use.

    :ivar why: why this is the line to the host; empty if the hosts file says so.
    """

    forward_agent = False  # the client forwards it by itself
    farewell = ""

    def __init__(self, client: Sequence[str], host: str, control: Path, why: str = "") -> None:
        """
        :param client: the command line of a client that uses the master, without host and command.
        :param control: the master's socket.
        """
        self.why = why
        self.remote_version = ""
        self.lock = threading.Lock()
        self._client, self._host, self._control = list(client), host, control
        self._master: subprocess.Popen | None = None
        self._folder: Path | None = None
        self._channels: dict[int, SystemChannel] = {}
        self._next = 0
        self.active = True

    def is_active(self) -> bool:
        return self.active

    def set_keepalive(self, seconds: int) -> None:
        """Does nothing: the client was told when it was started."""

    def get_exception(self) -> Exception | None:
        return None

    def get_log_channel(self) -> str:
        return "paramiko.transport"

    def getpeername(self) -> tuple[str, int]:
        return self._host, 0

    def open_session(self, timeout: float | None = None, **sizes: int | None) -> SystemChannel:
        return self._open([])

    def open_channel(
        self, kind: str, far: tuple[str, int], near: tuple[str, int], timeout: float | None = None
    ) -> SystemChannel:
        """A connection from the host to another address."""
        host = f"[{far[0]}]" if ":" in far[0] else far[0]
        channel = self._open(["-W", f"{host}:{far[1]}"])
        channel.start([])
        return channel

    def open_sftp_client(self) -> paramiko.SFTPClient | None:
        return paramiko.SFTPClient.from_transport(self)

    def request_port_forward(self, address: str, port: int, handler: Callable | None = None) -> int:
        raise RemoteError(
            "a port of a host cannot be forwarded to here through the system's ssh", "use ssh -R"
        )

    def close(self) -> None:
        self.active = False
        for channel in list(self._channels.values()):
            channel.stop()
        if self._master is not None and self._master.poll() is None:
            self._master.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._master.wait(2)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self, options: Sequence[str]) -> SystemChannel:
        if not self.active:
            raise paramiko.SSHException("SSH session not active")
        with self.lock:
            self._next += 1
            channel = SystemChannel(self._next, [*self._client, *options], self._host)
            self._channels[channel.chanid] = channel
        channel.attach(self)
        return channel

    def _unlink_channel(self, number: int) -> None:
        self._channels.pop(number, None)

    def _watch(self, process: subprocess.Popen, words: list[str]) -> None:
        process.wait()
        self.farewell = " | ".join(words[-2:])
        self.active = False
        for channel in list(self._channels.values()):
            channel.stop()

    def find_version(self) -> None:
        """Asks the host for its system, where the client has not told the server's version."""
        done = subprocess.run(
            [*self._client, "--", self._host, _PROBE],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_LOGIN,
            check=False,
        )
        self.remote_version = "OpenSSH_for_Windows" if "Windows_NT" in done.stdout else "OpenSSH"


def open_system(
    target: Target, route: Route, settings: Settings, why: str, tell: Callable[[str], None] | None
) -> SystemTransport:
    """Logs in with the system's ssh.

    :raises RemoteError: its words, if it can't.
    """
    if settings.ssh_client is None:
        raise ConfigProblem(f"there is no ssh on this machine for {target.name}", "install OpenSSH's client")
    folder = Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))  # a socket's path must be short
    transport = SystemTransport(_client(settings, folder / "m", route), target.host, folder / "m", why)
    transport._folder = folder
    words: list[str] = []
    typing = _Typing(target, settings)
    try:
        with answering(folder, typing.answer, tell or (lambda text: None)) as environment:
            argv = openssh_argv(target, settings)
            at = argv.index("--")
            options = ["-M", "-S", str(folder / "m"), "-N", "-T", "-v"]
            for option in (
                "ControlPersist=no",
                "ClearAllForwardings=yes",
                "PermitLocalCommand=no",
                f"ConnectTimeout={route.connect_timeout:.0f}",
                f"ServerAliveInterval={route.keepalive}",
            ):
                options += ["-o", option]
            process = subprocess.Popen(
                [*argv[:at], *options, *argv[at:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
            transport._master = process
            reading = threading.Thread(target=_read, args=(process, transport, words), daemon=True)
            reading.start()
            deadline = time.monotonic() + _LOGIN
            while not (folder / "m").exists():
                if process.poll() is not None:
                    reading.join(2)
                    raise _refused(words, route)
                if time.monotonic() > deadline + typing.seconds and not typing.now:
                    raise Unreachable(f"{route}: the system's ssh did not log in within {_LOGIN:g} s")
                time.sleep(0.02)
    except BaseException:
        transport.close()
        raise
    threading.Thread(target=transport._watch, args=(process, words), daemon=True).start()
    return transport


def _client(settings: Settings, control: Path, route: Route) -> list[str]:
    """A client that uses the master at ``control``, and never connects by itself if that is gone."""
    argv = [settings.ssh_client or "ssh", "-F", "none", "-S", str(control), "-o", "ControlMaster=no"]
    argv += ["-o", "ProxyCommand=false", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
    return [*argv, "-A"] if route.forward_agent else argv


def living_master(target: Target, route: Route, settings: Settings) -> SystemTransport | None:
    """The user's own open ControlMaster to that host, if there is one."""
    control = route.control_path
    if settings.ssh_client is None or control is None or not control.exists():
        return None
    client = _client(settings, control, route)
    done = subprocess.run(
        [*client, "-O", "check", "--", target.host],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        return None
    transport = SystemTransport(client, target.host, control, f"your open ControlMaster {control}")
    transport.find_version()
    return transport


class _Typing:
    """Answers the client's prompts: with the password of the hosts file once, else with what a person types."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self._target, self._settings = target, settings
        self._given = False
        self.now = False  # a person is being asked
        self.seconds = 0.0  # for which a person was asked

    def answer(self, prompt: str) -> str | None:
        own = prompt.rpartition("@")[2].partition("'")[0] not in self._target.jump
        if self._target.password is not None and own and not self._target.jump and wants_password(prompt):
            if self._given:
                return None
            self._given = True
            secret = self._settings.secret(self._target.password)
            return secret.reveal() if secret else None
        start, self.now = time.monotonic(), True
        try:
            return self._settings.question(f"{self._target.name}: {printable(prompt.strip())} ")
        finally:
            self.seconds += time.monotonic() - start
            self.now = False


def _read(process: subprocess.Popen, transport: SystemTransport, words: list[str]) -> None:
    """The client's log: the server's version, and all that is meant for people."""
    for raw in process.stderr:
        line = raw.decode("utf-8", "replace").strip()
        if _VERSION in line:
            # a jump host's comes first
            transport.remote_version = line.partition(_VERSION)[2]
        elif line and not line.startswith(
            ("debug1:", "OpenSSH_", "Authenticated to ", "Warning: Permanently added")
        ):
            words.append(printable(line))


def _refused(words: list[str], route: Route) -> RemoteError:
    said = " | ".join(word for word in words[-3:] if set(word) != {"@"}) or "it gave no reason"
    if any("Host key verification failed" in word or "host key is known" in word for word in words):
        name = next((word for word in words if "host key" in word.lower() and "changed" in word), said)
        return HostKeyProblem(
            f"{route}: the system's ssh does not trust the host key: {name}",
            f"compare the fingerprint; if you rebuilt the host: ssh-keygen -R {route.hostname}",
        )
    if any("Permission denied" in word for word in words):
        return AuthFailed(
            f"{route} does not let {route.user} in: {said}", f"try: ssh {route.user}@{route.hostname}"
        )
    return Unreachable(
        f"{route}: the system's ssh does not get there: {said}", f"try: ssh -v {route.hostname}"
    )
