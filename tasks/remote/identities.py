"""The keys that this machine can offer: from the agent, from files, with certificates."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
)
from paramiko.agent import ALGORITHM_FLAG_MAP, AgentSSH
from paramiko.message import Message

from tasks.remote.errors import ConfigProblem
from tasks.remote.knownhosts import fingerprint, key_type
from tasks.remote.sshconfig import Route
from tasks.remote.target import Settings

_TRIES = 3  # as many as ssh gives for a passphrase


@dataclass(frozen=True)
class Identity:
    """One public key and the means to sign with it.

    `blob` is None where the public half is not known before the passphrase is; `ask_first` means that the
    server should be asked whether it wants the key before anybody is troubled for a signature.
    """

    label: str
    blob: bytes | None
    ask_first: bool
    unlock: Callable[[], Signer]


@dataclass(frozen=True)
class Signer:
    blob: bytes
    sign: Callable[[bytes, str], bytes]  # data, algorithm -> signature blob


class NoPassphrase(Exception):
    """The key stays locked; the text says why."""


class Agent(AgentSSH):
    """One connection to ssh-agent, shared by all hosts: it answers one request at a time."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._lock = threading.Lock()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(path)
        self._connect(connection)

    def signer(self, blob: bytes) -> Signer:
        def sign(data: bytes, algorithm: str) -> bytes:
            request = Message()
            request.add_byte(b"\x0d")  # SSH2_AGENTC_SIGN_REQUEST
            request.add_string(blob)
            request.add_string(data)
            request.add_int(ALGORITHM_FLAG_MAP.get(algorithm, 0))
            with self._lock:
                kind, answer = self._send_message(request)
            if kind != 14:  # SSH2_AGENT_SIGN_RESPONSE
                raise NoPassphrase("the agent refused to sign")
            return answer.get_binary()

        return Signer(blob, sign)


def collect(route: Route, settings: Settings) -> list[Identity]:
    """What to offer, in order: the Target's own key, then as ssh: certificates, agent keys, files.

    Agent keys of the named files come before others, which are left out with IdentitiesOnly.
    """
    agent = settings.once(("agent", route.agent), lambda: _agent(route.agent))
    held = {key.blob: key for key in agent.get_keys()} if agent else {}
    files: list[Identity] = []
    named: list[Identity] = []
    certificates: list[Identity] = []
    for path in dict.fromkeys([p for p in (route.key, *route.identity_files) if p]):
        key = settings.once(("key", path), lambda path=path: KeyFile.read(path, settings))
        if key is None:
            continue
        mine = key.identity(agent if key.blob in held else None)
        certificates += [
            key.certified(c) for c in (*key.certificates, *route.certificate_files) if key.owns(c)
        ]
        (named if path == route.key else files).append(mine)
    in_agent = [f for f in files if f.blob in held]
    taken = {i.blob for i in (*named, *files)}
    others = [
        Identity(f"agent key {k.comment or fingerprint(b)}", b, True, lambda b=b: agent.signer(b))
        for b, k in held.items()
        if b not in taken and not route.identities_only
    ]
    first = [c for c in certificates if route.key and c.label.startswith(f"certificate of {route.key}")]
    rest = [c for c in certificates if c not in first]
    return [*first, *named, *rest, *in_agent, *others, *(f for f in files if f.blob not in held)]


def _agent(path: str) -> Agent | None:
    if not path:
        return None
    try:
        return Agent(path)
    except (OSError, paramiko.SSHException):
        return None  # as ssh: an agent that is gone is no reason not to try the files


class KeyFile:
    """A private key file; its passphrase is asked for once, whatever the number of hosts."""

    def __init__(self, path: Path, settings: Settings, key: paramiko.PKey | None, blob: bytes | None) -> None:
        self.path = path
        self.blob = blob
        self.certificates = [c for c in [Path(f"{path}-cert.pub")] if c.is_file()]
        self._settings = settings
        self._key = key

    @classmethod
    def read(cls, path: Path, settings: Settings) -> KeyFile | None:
        """None if the file is not there. Raises ConfigProblem if it is there but is no usable key."""
        if not path.is_file():
            return None
        try:
            key = _load(path, None)
        except Locked:
            return cls(path, settings, None, _public_half(path))
        except _Unusable as error:
            raise ConfigProblem(
                f"key {path} cannot be used: {error}", "is it a private key in OpenSSH's format?"
            ) from error
        return cls(path, settings, key, key.asbytes())

    def identity(self, agent: Agent | None) -> Identity:
        if agent is not None and self.blob is not None:
            blob = self.blob
            return Identity(f"key {_short(self.path)} (agent)", blob, True, lambda: agent.signer(blob))
        return Identity(f"key {_short(self.path)}", self.blob, self._key is None, self._signer)

    def certified(self, certificate: Path) -> Identity:
        blob = _public_line(certificate) or b""

        def unlock() -> Signer:
            return Signer(blob, self._signer().sign)

        return Identity(f"certificate of {_short(self.path)}", blob, self._key is None, unlock)

    def owns(self, certificate: Path) -> bool:
        try:
            inner = load_ssh_public_key(certificate.read_bytes())
            public = inner.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1]
        except (OSError, ValueError):
            return False
        return base64.b64decode(public) == self.blob

    def _signer(self) -> Signer:
        key = self._key or self._settings.once(("unlocked", self.path), self._unlock)
        return Signer(key.asbytes(), lambda data, algorithm: key.sign_ssh_data(data, algorithm).asbytes())

    def _unlock(self) -> paramiko.PKey:
        ask = self._settings.ask
        if ask is None:
            raise NoPassphrase("it has a passphrase and nobody can be asked for it")
        for _ in range(_TRIES):
            typed = ask(f"Passphrase for {_short(self.path)}: ")
            if not typed:
                break
            try:
                return _load(self.path, typed)
            except Locked:
                continue
        raise NoPassphrase("its passphrase was not given")


class Locked(Exception):
    """The key needs a passphrase, or another one."""


class _Unusable(Exception):
    pass


def _load(path: Path, passphrase: str | None) -> paramiko.PKey:
    try:
        key = paramiko.PKey.from_path(path, password=passphrase.encode() if passphrase else None)
    except OSError as error:
        raise _Unusable(error.strerror) from error
    except (TypeError, paramiko.PasswordRequiredException) as error:
        raise Locked from error
    except (ValueError, paramiko.SSHException) as error:
        if passphrase or "password" in str(error).lower() or "encrypted" in str(error).lower():
            raise Locked from error
        raise _Unusable(str(error).splitlines()[0] if str(error) else type(error).__name__) from error
    key.public_blob = None  # certificates are offered on their own, and the plain key as well
    return key


def _public_half(path: Path) -> bytes | None:
    """The public key of a locked file: OpenSSH keeps it in clear in front of the secret part."""
    text = path.read_text(errors="replace")
    if "BEGIN OPENSSH PRIVATE KEY" in text:
        try:
            data = Message(base64.b64decode("".join(text.split("-----")[2].split()))[15:])
            for _ in range(3):  # cipher, kdf, kdf options
                data.get_binary()
            data.get_int()
            return data.get_binary()
        except (ValueError, IndexError):
            pass
    return _public_line(Path(f"{path}.pub"))


def _public_line(path: Path) -> bytes | None:
    try:
        blob = base64.b64decode(path.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return blob if key_type(blob) else None


def _short(path: Path) -> str:
    text, home = str(path), str(Path.home())
    return "~" + text[len(home) :] if text.startswith(home + "/") else text
