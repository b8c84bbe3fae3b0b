"""The stand-in for Windows' OpenSSH server: it answers as that does, with one of three default shells."""

from __future__ import annotations

import base64
import os
import re
import socket
import threading

import paramiko

from .dotnet import types
from .interpreter import Shell
from .machine import Machine
from .values import PSError, Unsupported

VERSION = "SSH-2.0-OpenSSH_for_Windows_9.5"
SHELLS = {"cmd": 8191, "powershell": 32766, "bash": 32766}  # the longest command that each takes
FLAGS = "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -OutputFormat Text -EncodedCommand"


class WindowsSshd:
    """Listens on 127.0.0.1 until closed. `wrong`: what a script asked for that the stand-in does not know."""

    def __init__(
        self, machine: Machine, key: paramiko.PKey, shell: str = "cmd", host: str = "127.0.0.1"
    ) -> None:
        self.machine, self.shell, self.wrong = machine, shell, []
        self.commands: list[str] = []
        self.ended = 0  # how many of them
        self.scripts: list[str] = []
        self._allowed, self._key = key, paramiko.ECDSAKey.generate(bits=256)
        self._transports: set[paramiko.Transport] = set()
        self._socket = socket.create_server((host, 0))
        self.address, self.port = self._socket.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()
        self.drop()

    def drop(self) -> None:
        """All connections break."""
        for transport in list(self._transports):
            transport.close()

    def __enter__(self) -> WindowsSshd:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                wire, far = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(wire, far), daemon=True).start()

    def _serve(self, wire: socket.socket, far: tuple[str, int]) -> None:
        ends = (far[:2], (self.address, self.port))
        transport = paramiko.Transport(wire)
        transport.local_version = VERSION
        transport.add_server_key(self._key)
        self._transports.add(transport)
        self.machine.connected(ends, now=True)
        try:
            transport.start_server(server=_Session(self, ends))
            transport.join()
        except (paramiko.SSHException, EOFError, OSError):
            pass
        finally:
            self._transports.discard(transport)
            self.machine.connected(ends, now=False)

    def allows(self, key: paramiko.PKey) -> bool:
        return key.get_base64() == self._allowed.get_base64()

    def run(self, command: str, channel: paramiko.Channel, ends: tuple) -> None:
        try:
            code = self._run(command, channel, ends)
        except (OSError, EOFError):
            code = 255  # the client has gone
        except (Unsupported, Exception) as wrong:
            self.wrong.append(wrong)
            channel.sendall_stderr(f"stand-in: {type(wrong).__name__}: {wrong}\n".encode())
            code = 99
        self.ended += 1
        try:
            channel.send_exit_status(code)
            channel.shutdown_write()
            channel.close()
        except (OSError, EOFError):
            pass

    def _run(self, command: str, channel: paramiko.Channel, ends: tuple) -> int:
        if len(command) > SHELLS[self.shell]:
            channel.sendall_stderr(b"The command line is too long.\r\n")
            return 1
        if not re.fullmatch(r"[A-Za-z0-9 .=/+-]+", command):
            raise Unsupported(f"quoting that depends on the shell: {command[:80]}")
        program, _, rest = command.partition(" ")
        if program != "powershell.exe":
            said = f"'{program}' is not recognized as an internal or external command,\r\n"
            channel.sendall_stderr(said.encode())
            return 1
        flags, _, encoded = rest.rpartition(" ")
        if flags != FLAGS:
            raise Unsupported(f"the options {flags}")
        source = base64.b64decode(encoded, validate=True).decode("utf-16-le")
        if re.search(r"\$input\b", source, re.IGNORECASE):
            raise Unsupported("a command with $input, which makes PowerShell read stdin itself")
        stdin, stdout = channel.makefile("rb"), channel.makefile("wb", 0)
        environment = self.machine.environment()
        environment["SSH_CONNECTION"] = " ".join(f"{ip} {port}" for ip, port in ends)
        shell = Shell(types(self.machine, _Readable(stdin), stdout), environment)
        try:
            return shell.run(source)
        except PSError as error:
            channel.sendall_stderr(f"{error}\r\n    + CategoryInfo : stand-in\r\n".encode())
            return 1


class _Readable:
    """paramiko's file of a channel, for io.TextIOWrapper."""

    readable = staticmethod(lambda: True)
    writable = seekable = staticmethod(lambda: False)
    closed = False

    def __init__(self, file: paramiko.ChannelFile) -> None:
        self._channel = file.channel

    def read1(self, size: int = -1) -> bytes:
        return self._channel.recv(size if size > 0 else 1 << 15)

    read = read1

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Session(paramiko.ServerInterface):
    def __init__(self, server: WindowsSshd, ends: tuple) -> None:
        self._server, self._ends = server, ends

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        good = username == self._server.machine.user and self._server.allows(key)
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        known = kind == "session"
        return paramiko.OPEN_SUCCEEDED if known else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        words = (os.fsdecode(command), channel, self._ends)
        self._server.commands.append(words[0])
        threading.Thread(target=self._server.run, args=words, daemon=True).start()
        return True
