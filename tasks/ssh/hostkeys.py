"""Whether a server is the right one: its key is compared with known_hosts, as OpenSSH does."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from tasks.ssh import hostcerts, knownhosts
from tasks.ssh.errors import HostKeyProblem
from tasks.ssh.knownhosts import Entry, fingerprint, key_type
from tasks.ssh.sshconfig import Route
from tasks.ssh.target import Settings

CERT = "-cert-v01@openssh.com"
ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_append = threading.Lock()


@dataclass(frozen=True)
class Verifier:
    """Checks the host key of one host. Created before connecting, because it also chooses the algorithms to ask for."""

    route: Route
    name: str
    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, route: Route, settings: Settings) -> Verifier:
        name = lookup_name(route)
        entries: list[Entry] = []
        if route.host_keys != "off":
            for path in (*route.user_known_hosts, *route.global_known_hosts):
                entries += knownhosts.load(path, settings).lookup(name)
            if name.startswith("[") and not any(not e.marker for e in entries):
                # As in OpenSSH, a key that is known without a port is accepted on other ports too.
                entries += cls._portless(route, settings)
        return cls(route, name, tuple(entries))

    @staticmethod
    def _portless(route: Route, settings: Settings) -> list[Entry]:
        paths = (*route.user_known_hosts, *route.global_known_hosts)
        found = [e for path in paths for e in knownhosts.load(path, settings).lookup(route.hostname.lower())]
        return [Entry(e.file, e.line, e.marker, e.type, e.blob, other_port=True) for e in found]

    def algorithms(self) -> tuple[str, ...]:
        """Host key algorithms, those with a known key first; certificates only if known_hosts has an authority."""
        known = {e.type for e in self.entries if not e.marker}
        first = [a for a in ALGORITHMS if _type_of(a) in known]
        plain = (*first, *(a for a in ALGORITHMS if a not in first))
        if any(e.marker == "@cert-authority" for e in self.entries):
            return (*(a + CERT for a in ALGORITHMS), *plain)
        return plain

    def check(self, blob: bytes, settings: Settings) -> None:
        """Returns if the server can be trusted. With `accept-new` a new key is added to known_hosts.

        :raises HostKeyProblem: it cannot.
        """
        if self.route.host_keys == "off":
            return
        if key_type(blob).endswith(CERT):
            plain = self._check_certificate(blob)
            if plain is None:
                return
            blob = plain
        self._refuse_revoked(blob)
        if any(e.blob == blob for e in self.entries if not e.marker):
            return
        known = [e for e in self.entries if not e.marker and not e.other_port and e.type in _TYPES]
        if known:
            raise self._changed(known, blob)
        if self.route.host_keys == "strict":
            raise HostKeyProblem(
                f"host key of {self.name} is not known: it sent {key_type(blob)} {fingerprint(blob)}",
                f"compare the fingerprint, then: {keyscan(self.route)} >> {self._file()}",
            )
        self._learn(blob, settings)

    def _check_certificate(self, blob: bytes) -> bytes | None:
        """None if a known authority signed it for this host; the plain key inside if no known authority did."""
        certificate = hostcerts.parse(blob)
        authorities = [e for e in self.entries if e.marker == "@cert-authority"]
        self._refuse_revoked(certificate.plain)
        self._refuse_revoked(certificate.authority)
        for entry in authorities:
            if entry.blob == certificate.authority:
                name = (self.route.host_key_alias or self.route.hostname).lower()
                why = certificate.problem(name)
                if why:
                    raise HostKeyProblem(
                        f"host certificate of {self.name} is not valid: {why}",
                        f"have it signed again by the authority in {entry.where}",
                    )
                return None
        return certificate.plain

    def _refuse_revoked(self, blob: bytes) -> None:
        for entry in self.entries:
            if entry.marker == "@revoked" and entry.blob == blob:
                raise HostKeyProblem(
                    f"host key of {self.name} is revoked: {entry.where} has {fingerprint(blob)}",
                    "give the host a new key: this one is no longer trusted",
                )

    def _changed(self, known: list[Entry], blob: bytes) -> HostKeyProblem:
        same = [e for e in known if e.type == key_type(blob)]
        entry = (same or known)[0]
        other = "" if same else f" ({entry.type})"
        sent = "" if same else f" ({key_type(blob)})"
        return HostKeyProblem(
            f"host key of {self.name} changed: {entry.where} has {fingerprint(entry.blob)}{other}, "
            f"the host sent {fingerprint(blob)}{sent}",
            f"if you rebuilt it: ssh-keygen -R '{self.name}' -f {entry.file}",
        )

    def _learn(self, blob: bytes, settings: Settings) -> None:
        if not self.route.user_known_hosts:
            return
        with _append:
            hosts = knownhosts.load(Path(self._file()), settings)
            # Another thread may have just added the same new host.
            known = [e for e in hosts.lookup(self.name) if not e.marker and e.type in _TYPES]
            if any(e.blob == blob for e in known):
                return
            if known:
                raise self._changed(known, blob)
            try:
                hosts.append(self.name, blob, hashed=self.route.hash_known_hosts)
            except OSError as error:
                # as in ssh: the key was new, so nothing is less certain than before
                settings.warn_once(
                    f"host keys cannot be written to {self._file()}: {error.strerror}; "
                    "so they are not compared the next time: make the file writable"
                )

    def _file(self) -> Path:
        return self.route.user_known_hosts[0] if self.route.user_known_hosts else Path("~/.ssh/known_hosts")


def lookup_name(route: Route) -> str:
    """The host's name in known_hosts: `host`, or `[host]:port` if the port is not 22."""
    if route.host_key_alias:
        return route.host_key_alias.lower()
    host = route.hostname.lower()
    return host if route.port == 22 else f"[{host}]:{route.port}"


def keyscan(route: Route) -> str:
    port = "" if route.port == 22 else f"-p {route.port} "
    return f"ssh-keyscan {port}{route.hostname}"


def _type_of(algorithm: str) -> str:
    return "ssh-rsa" if algorithm.startswith("rsa-") else algorithm


_TYPES = {_type_of(a) for a in ALGORITHMS}
