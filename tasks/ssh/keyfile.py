"""Private key files: read once and unlocked once for all hosts."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key
from paramiko.message import Message

from tasks.ssh.agent import Agent
from tasks.ssh.identity import CannotSign, Identity, Signer
from tasks.ssh.knownhosts import key_type
from tasks.ssh.target import Settings

_FIDO = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
_TRIES = 3  # as in ssh
_OPENSSH = "-----BEGIN OPENSSH PRIVATE KEY-----"


class Locked(Exception):
    """The key needs a passphrase, or the one given is wrong."""


class KeyFile:
    """One private key file.

    :ivar blob: the public key; None while it is not known.
    :ivar problem: why the file cannot be used, or ''.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.problem = ""
        self.label = short(path)
        self._settings = settings
        self._key: paramiko.PKey | None = None
        self.blob = public_half(path)
        beside = Path(f"{path}-cert.pub")
        self.certificates = [beside] if beside.is_file() else []
        try:
            self._key = _load(path, None)
            self.blob = self._key.asbytes()
        except Locked:
            pass
        except CannotSign as error:
            self.problem = str(error)

    @property
    def on_token(self) -> bool:
        """Whether a security key must sign; only OpenSSH's client can ask it."""
        return key_type(self.blob or b"") in _FIDO

    def identity(self, agent: Agent | None) -> Identity:
        """The key as it is offered to a server; signed by the agent if it has the key, else with the file."""
        if agent is not None and self.blob in agent.held:
            blob = self.blob
            return Identity(f"key {self.label} (in the agent)", blob, True, lambda: agent.signer(blob))
        locked = self._key is None and not self.problem
        return Identity(f"key {self.label}", self.blob, self._key is None, self._signer, locked)

    def certified(self, certificate: Path) -> Identity:
        blob = _public_line(certificate) or b""
        label = f"certificate {short(certificate)}"
        locked = self._key is None and not self.problem
        return Identity(label, blob, self._key is None, lambda: Signer(blob, self._signer().sign), locked)

    def owns(self, certificate: Path) -> bool:
        try:
            inner = load_ssh_public_key(certificate.read_bytes())
            public = inner.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1]
        except (OSError, ValueError, UnsupportedAlgorithm):
            return False
        return base64.b64decode(public) == self.blob

    def _signer(self) -> Signer:
        if self.problem:
            raise CannotSign(self.problem)
        key = self._key or self._settings.once(("unlocked", self.path), self._unlock)
        return Signer(key.asbytes(), lambda data, algorithm: key.sign_ssh_data(data, algorithm).asbytes())

    def _unlock(self) -> paramiko.PKey:
        for _ in range(_TRIES):
            typed = self._settings.question(f"Passphrase for {self.label}: ")
            # who gives no answer is not asked for a password next
            self._settings.tired = self._settings.tired or not typed
            if typed is None:
                raise CannotSign("it has a passphrase and nobody can be asked for it")
            if not typed:
                break
            try:
                return _load(self.path, typed)
            except Locked:
                continue
        raise CannotSign("its passphrase was not given")


def short(path: Path) -> str:
    """The path with ~ for the home directory."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _load(path: Path, passphrase: str | None) -> paramiko.PKey:
    try:
        key = paramiko.PKey.from_path(path, password=passphrase.encode() if passphrase else None)
    except OSError as error:
        raise CannotSign(f"it cannot be read: {error.strerror}") from error
    except (
        TypeError,
        paramiko.PasswordRequiredException,
    ) as error:  # TypeError: cryptography needs a passphrase
        raise Locked from error
    except (paramiko.pkey.UnknownKeyType, UnsupportedAlgorithm) as error:
        raise CannotSign("keys of its type can only be used from the agent: ssh-add it") from error
    except (ValueError, paramiko.SSHException) as error:
        if passphrase:
            raise Locked from error
        raise CannotSign("it is not a private key that can be read here") from error
    key.public_blob = None  # the plain key and a certificate for it are offered separately
    return key


def public_half(path: Path) -> bytes | None:
    """The public key of a private key file; OpenSSH stores it unencrypted before the secret part."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return None
    if text.startswith(_OPENSSH):
        try:
            data = Message(
                base64.b64decode("".join(text.split("-----")[2].split()))[len("openssh-key-v1\0") :]
            )
            for _ in range(3):  # cipher, kdf, kdf options
                data.get_binary()
            data.get_int()
            return data.get_binary()
        except (ValueError, IndexError, binascii.Error):
            return None
    # IdentityFile may name the public half of a key that is only in the agent
    return _public_line(path) or _public_line(Path(f"{path}.pub"))


def _public_line(path: Path) -> bytes | None:
    try:
        blob = base64.b64decode(path.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return blob if key_type(blob) else None
