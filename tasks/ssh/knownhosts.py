"""known_hosts files: parsed once, looked up by name, appended to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path
from re import compile as regex

from tasks.ssh.errors import HostKeyProblem
from tasks.ssh.target import Settings


@dataclass(frozen=True)
class Entry:
    """A line that matched. `other_port`: it matched only without the port."""

    file: Path
    line: int
    marker: str  # '', '@cert-authority' or '@revoked'
    type: str
    blob: bytes
    other_port: bool = False

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


class KnownHosts:
    """One file. Lines that cannot be read are ignored, as in OpenSSH."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stamp = _stamp(path)
        self._exact: dict[str, list[Entry]] = {}
        self._hashed: list[tuple[bytes, bytes, Entry]] = []
        self._patterns: list[tuple[str, Entry]] = []
        self._lines = 0
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise HostKeyProblem(
                f"known hosts {path} cannot be read: {error.strerror}", "repair its permissions"
            ) from error
        self._open_ended = bool(data) and not data.endswith(b"\n")
        for line in data.decode("utf-8", "replace").splitlines():
            self._add(line)

    def lookup(self, name: str) -> list[Entry]:
        """All lines for `name` (lower case, `[host]:port` where the port is not 22), in the file's order."""
        found = list(self._exact.get(name, ()))
        found += [e for salt, digest, e in self._hashed if _hash(name, salt) == digest]
        found += [e for patterns, e in self._patterns if match_patterns(patterns, name)]
        return sorted(found, key=lambda e: e.line)

    def append(self, name: str, blob: bytes, hashed: bool) -> None:
        """Adds one line with one write, so that no reader sees half of it. The caller holds the lock."""
        if hashed:
            salt = os.urandom(20)
            name = f"|1|{_base64(salt)}|{_base64(_hash(name, salt))}"
        line = f"{name} {key_type(blob)} {_base64(blob)}\n"
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = _stamp(self.path) == self.stamp
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, (("\n" if self._open_ended else "") + line).encode())
        finally:
            os.close(handle)
        if fresh:  # nobody else wrote, so the file need not be read again for each of a hundred new hosts
            self._add(line.rstrip("\n"))
            self._open_ended = False
            self.stamp = _stamp(self.path)

    def _add(self, line: str) -> None:
        self._lines += 1
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            return
        marker = fields.pop(0) if fields[0].startswith("@") else ""
        if len(fields) < 3 or marker not in ("", "@cert-authority", "@revoked"):
            return
        try:
            blob = base64.b64decode(fields[2], validate=True)
            entry = Entry(self.path, self._lines, marker, fields[1], blob)
            if key_type(blob) != fields[1]:
                return
            self._place(fields[0], entry)
        except (binascii.Error, ValueError):
            return

    def _place(self, names: str, entry: Entry) -> None:
        if names.startswith("|1|"):
            salt, digest = names[3:].split("|")
            self._hashed.append((base64.b64decode(salt), base64.b64decode(digest), entry))
        elif any(c in names for c in "*?!"):
            self._patterns.append((names.lower(), entry))
        else:
            for name in set(names.lower().split(",")):
                self._exact.setdefault(name, []).append(entry)


def load(path: Path, settings: Settings) -> KnownHosts:
    """The parsed file, read again only if it changed on disk."""
    holder = settings.once(("known_hosts", path), dict[str, KnownHosts])
    hosts = holder.get("now")
    if hosts is None or hosts.stamp != _stamp(path):
        hosts = holder["now"] = KnownHosts(path)
    return hosts


def match_patterns(patterns: str, name: str) -> bool:
    """As OpenSSH matches a list of patterns with `*` and `?`: one match is enough, unless a `!pattern` matches."""
    hit = False
    for pattern in patterns.split(","):
        if _glob(pattern.removeprefix("!")).match(name):
            if pattern.startswith("!"):
                return False
            hit = True
    return hit


def fingerprint(blob: bytes) -> str:
    """`SHA256:...` as ssh-keygen -l prints it."""
    return "SHA256:" + _base64(hashlib.sha256(blob).digest()).rstrip("=")


def key_type(blob: bytes) -> str:
    """The type at the start of an SSH public key; '' if there is none."""
    length = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + length].decode("ascii", "replace") if len(blob) > 4 + length else ""


def _glob(pattern: str):
    # `[` is no wildcard in known_hosts; it only encloses a host that has a port.
    return regex(translate(pattern.replace("[", "[[]")))


def _hash(name: str, salt: bytes) -> bytes:
    return hmac.digest(salt, name.encode(), "sha1")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
