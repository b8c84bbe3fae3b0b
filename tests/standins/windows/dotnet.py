"""The stand-in for .NET: the types that this project's scripts name, and nothing else."""

from __future__ import annotations

import base64
import concurrent.futures
import hashlib
import math
import os
import re
import signal
import socket
import time
import urllib.parse
import uuid
from types import SimpleNamespace
from typing import Any

from . import values as v
from .files import Moment, Stream, StreamReader
from .machine import Machine
from .values import VOID, PSError, Table, Unsupported, Void

STRINGS = {
    "Trim": lambda s, chars=None: s.strip(chars),
    "TrimEnd": lambda s, chars=None: s.rstrip(chars),
    "StartsWith": lambda s, start, how="Ordinal": (
        s.lower().startswith(start.lower()) if how.endswith("IgnoreCase") else s.startswith(start)
    ),
    "Substring": lambda s, at, count=None: s[at:] if count is None else s[at : at + count],
    "ToLower": lambda s: s.lower(),
    "EndsWith": lambda s, end: s.endswith(end),
    "LastIndexOf": lambda s, part: s.rfind(part),
}


def member(owner: Any, name: str) -> Any:
    """A property's value or a method, by its exact name in .NET."""
    if isinstance(owner, str):
        if name == "Length":
            return len(owner)
        if name in STRINGS:
            return lambda *given: STRINGS[name](owner, *given)
    elif isinstance(owner, (list, bytes, bytearray)) and name in ("Count", "Length"):
        return len(owner)
    elif isinstance(owner, int) and name == "ToString":
        return lambda form="": format(owner, "04X") if form == "X4" else str(owner)
    elif isinstance(owner, PSError) and name == "Exception":
        base = owner.base or owner
        kinds = {ConnectionRefusedError: "ConnectionRefused", TimeoutError: "TimedOut"}
        said = SimpleNamespace(Message=str(base), SocketErrorCode=kinds.get(type(base), "SocketError"))
        return SimpleNamespace(GetBaseException=lambda: said)
    elif name[:1].isupper() and hasattr(owner, name):
        return getattr(owner, name)
    raise Unsupported(f"{name} of a {type(owner).__name__}")


class Encoding:
    UTF8: Encoding
    Unicode: Any

    def __init__(self, mark: bool = False) -> None:
        if mark:
            raise Unsupported("a byte order mark")

    def GetBytes(self, words: str) -> bytes:
        return words.encode()

    def GetString(self, data: bytes, at: int = 0, count: int | None = None) -> str:
        return bytes(data[at:] if count is None else data[at : at + count]).decode("utf-8", "replace")


Encoding.UTF8 = Encoding()
Encoding.Unicode = SimpleNamespace(Preamble=b"\xff\xfe", GetBytes=lambda words: words.encode("utf-16-le"))


class Clock:
    @property
    def UtcNow(self) -> Moment:
        return Moment(time.time())


class OffsetClock:
    @property
    def UtcNow(self) -> Any:
        return SimpleNamespace(ToUnixTimeSeconds=lambda: int(time.time()))


class StartInfo:
    def __init__(self) -> None:
        self.FileName = self.Arguments = ""
        self.UseShellExecute = True
        self.CreateNoWindow = False
        self.RedirectStandardInput = self.RedirectStandardOutput = self.RedirectStandardError = False
        self.StandardOutputEncoding = self.StandardErrorEncoding = None
        self.EnvironmentVariables = Table()


def words_of(line: str) -> list[str]:
    """A command line as a C program on Windows takes it apart."""
    out: list[str] = []
    word, quoted, inside, at = "", False, False, 0
    while at < len(line):
        slashes = len(line[at:]) - len(line[at:].lstrip("\\"))
        at += slashes
        if line[at : at + 1] == '"':
            word += "\\" * (slashes // 2)
            inside = True
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
            at += 1
            continue
        word += "\\" * slashes
        inside = inside or bool(slashes)
        if at < len(line):
            if line[at] in " \t" and not quoted:
                out += [word] if inside else []
                word, inside = "", False
            else:
                word, inside = word + line[at], True
            at += 1
    return [*out, word] if inside else out


class Process:
    def __init__(self, machine: Machine, start: StartInfo) -> None:
        if start.UseShellExecute or not start.RedirectStandardInput:
            raise Unsupported("a process with a window")
        if len(start.Arguments) + len(start.FileName) > 32766:
            raise OSError(206, "The filename or extension is too long")
        given = {name: start.EnvironmentVariables[name] for name in start.EnvironmentVariables.Keys}
        self._process = machine.start(start.FileName, words_of(start.Arguments), given)
        self._errors = concurrent.futures.ThreadPoolExecutor(1).submit(self._process.stderr.read)
        self.StandardInput = Stream(self._process.stdin)
        self.StandardOutput = StreamReader(Stream(self._process.stdout))

    @property
    def StandardError(self) -> Any:
        return SimpleNamespace(ReadToEndAsync=lambda: self)

    @property
    def Result(self) -> str:
        return self._errors.result().decode("utf-8", "replace")

    def WaitForExit(self) -> Void:
        self._process.wait()
        return VOID

    @property
    def HasExited(self) -> bool:
        return self._process.poll() is not None

    @property
    def ExitCode(self) -> int:
        return self._process.returncode


def processes(machine: Machine) -> dict[str, Any]:
    """Those of programs on the drive, by number and by name."""

    def one(pid: int, path: str) -> Any:
        return SimpleNamespace(
            Id=pid,
            MainModule=SimpleNamespace(FileName=path),
            Kill=lambda: os.kill(pid, signal.SIGKILL) or VOID,
        )

    def by_id(pid: int) -> Any:
        path = machine.program_of(pid)
        if not path:
            raise ValueError(f"Process with an Id of {pid} is not running.")
        return one(pid, path)

    def by_name(name: str) -> list:
        return [one(pid, path) for pid, path in machine.running(name).items()]

    return {"GetProcessById": by_id, "GetProcessesByName": by_name}


class Arrays:
    """[Array]: in place."""

    @staticmethod
    def Sort(keys: list, items: list) -> Void:
        pairs = sorted(zip(keys, items, strict=True), key=lambda pair: pair[0])
        keys[:], items[:] = [k for k, _ in pairs], [i for _, i in pairs]
        return VOID

    @staticmethod
    def Reverse(items: list) -> Void:
        items.reverse()
        return VOID


class TcpClient:
    def __init__(self, family: int) -> None:
        self._socket = socket.socket(family)

    def ConnectAsync(self, address: str, port: int) -> Any:
        def wait(milliseconds: int) -> bool:
            self._socket.settimeout(milliseconds / 1000)
            try:
                self._socket.connect((address, port))
            except TimeoutError:
                return False
            return True

        return SimpleNamespace(Wait=wait)

    def Close(self) -> Void:
        self._socket.close()
        return VOID


def address_of(text: str) -> Any:
    v6 = ":" in text
    return SimpleNamespace(
        ToString=lambda: text,
        IsIPv6LinkLocal=text.lower().startswith("fe80"),
        AddressFamily=socket.AF_INET6 if v6 else socket.AF_INET,
    )


def network(machine: Machine) -> Any:
    def end(pair: tuple[str, int]) -> Any:
        return SimpleNamespace(Address=address_of(pair[0]), Port=pair[1])

    def open_now() -> list:
        return [
            SimpleNamespace(RemoteEndPoint=end(far), LocalEndPoint=end(near), State="Established")
            for far, near in machine.connections()
        ]

    listening = lambda: [end(("0.0.0.0", port)) for port in machine.listening()]  # noqa: E731
    whole = SimpleNamespace(GetActiveTcpConnections=open_now, GetActiveTcpListeners=listening)
    return SimpleNamespace(GetIPGlobalProperties=lambda: whole)


def cards(machine: Machine) -> Any:
    def card(name: str, ip: str, prefix: int, gateway: bool) -> Any:
        entry = SimpleNamespace(Address=address_of(ip), PrefixLength=prefix)
        known = SimpleNamespace(UnicastAddresses=[entry], GatewayAddresses=["gateway"] if gateway else [])
        return SimpleNamespace(Name=name, OperationalStatus="Up", GetIPProperties=lambda: known)

    return SimpleNamespace(GetAllNetworkInterfaces=lambda: [card(*c) for c in machine.cards])


def hashed(stream: Stream) -> bytes:
    return hashlib.sha256(stream.raw.read()).digest()


def types(machine: Machine, stdin: Any, stdout: Any) -> dict[str, Any]:
    """Everything by name in lower case; `?` is how a member is found."""
    me = SimpleNamespace(User=SimpleNamespace(Value=machine.sid))
    value = SimpleNamespace
    return machine.drive.types() | {
        "?": member,
        "console": value(
            OpenStandardInput=lambda: Stream(stdin),
            OpenStandardOutput=lambda: Stream(stdout),
            Out=value(Write=lambda words: Stream(stdout).Write(words.encode("ascii"), 0, len(words))),
        ),
        "text.utf8encoding": Encoding,
        "text.encoding": Encoding,
        "convert": value(
            ToBase64String=lambda data: base64.b64encode(data).decode(), FromBase64String=base64.b64decode
        ),
        "bitconverter": value(ToString=lambda data: data.hex("-").upper()),
        "security.cryptography.sha256": value(Create=lambda: value(ComputeHash=hashed)),
        "char[]": lambda count: [""] * count,
        "byte[]": bytearray,
        "string": Text,
        "scriptblock": value(Create=lambda words: words),
        "regex": value(
            Escape=re.escape,
            Matches=lambda words, pattern: [
                value(Value=m.group(0)) for m in v.regex(pattern, case=True).finditer(words)
            ],
        ),
        "environment": value(
            OSVersion=value(Version=value(ToString=lambda: "10.0.22631.0")),
            MachineName=machine.name.upper(),
            UserName=machine.user,
            ProcessorCount=16,
            GetEnvironmentVariable=machine.registry_variable,
        ),
        # what New-Item makes
        "junction": lambda path, target: machine.drive.at(path).symlink_to(machine.drive.at(target)),
        "array": Arrays,
        "math": value(Min=min, Floor=math.floor),
        "uri": value(EscapeUriString=lambda words: urllib.parse.quote(words, safe="/:;,?@&=+$-_.!~*'()#[]")),
        "datetime": Clock(),
        "datetimeoffset": OffsetClock(),
        "threading.thread": value(Sleep=lambda milliseconds: time.sleep(milliseconds / 1000) or VOID),
        "guid": value(NewGuid=lambda: value(ToString=lambda form: uuid.uuid4().hex)),
        "diagnostics.processstartinfo": StartInfo,
        "diagnostics.process": value(Start=lambda start: Process(machine, start), **processes(machine)),
        "security.principal.windowsidentity": value(GetCurrent=lambda: me),
        "net.sockets.tcpclient": TcpClient,
        "net.ipaddress": value(Parse=address_of),
        "net.networkinformation.ipglobalproperties": network(machine),
        "net.networkinformation.networkinterface": cards(machine),
        "microsoft.win32.registry": value(GetValue=lambda key, name, default: machine.guid),
        "microsoft.visualbasic.devices.computerinfo": lambda: value(TotalPhysicalMemory=64 << 30),
    }


class Text:
    """[string]: ::new of characters, ::CompareOrdinal."""

    def __new__(cls, chars: list) -> Any:
        return "".join(chars)

    @staticmethod
    def CompareOrdinal(a: str, b: str) -> int:
        return (a > b) - (a < b)
