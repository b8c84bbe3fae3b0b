"""Host certificates: whether one is signed by an authority in known_hosts, for this host, and valid now."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from tasks.ssh.errors import HostKeyProblem
from tasks.ssh.knownhosts import key_type, match_patterns


@dataclass(frozen=True)
class Certificate:
    """`plain` and `authority` are public key blobs: the host's own key and the signer's."""

    inner: SSHCertificate
    signature_type: str
    plain: bytes
    authority: bytes

    def problem(self, host: str) -> str:
        """Why the certificate is not valid for `host` now; '' if it is."""
        now = time.time()
        names = [p.decode("utf-8", "replace").lower() for p in self.inner.valid_principals]
        if self.inner.type is not SSHCertificateType.HOST:
            return "it is a user certificate, not a host certificate"
        if self.inner.critical_options:
            return "it has critical options, which host certificates cannot have"
        if now < self.inner.valid_after:
            return f"it is not valid before {_date(self.inner.valid_after)}"
        if now >= self.inner.valid_before:
            return f"it expired on {_date(self.inner.valid_before)}"
        if names and not any(match_patterns(name, host) for name in names):
            return f"it is for {', '.join(names)}, not for {host}"
        if self.signature_type == "ssh-rsa":
            return "it is signed with SHA-1"
        try:
            self.inner.verify_cert_signature()
        except (InvalidSignature, UnsupportedAlgorithm):
            return "its signature is wrong"
        return ""


def parse(blob: bytes) -> Certificate:
    """The certificate in a host key blob. Raises HostKeyProblem if it cannot be read."""
    line = key_type(blob).encode() + b" " + base64.b64encode(blob)
    try:
        inner = load_ssh_public_identity(line)
        if not isinstance(inner, SSHCertificate):
            raise ValueError("no certificate")
        plain, authority = _blob(inner.public_key()), _blob(inner.signature_key())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise HostKeyProblem(f"the host sent a certificate that cannot be read: {error}") from error
    return Certificate(inner, _signature_type(blob), plain, authority)


def _blob(key) -> bytes:
    return base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def _signature_type(blob: bytes) -> str:
    """The signature is the blob's last field: a string that begins with its own algorithm's name."""
    position, field = 0, b""
    # The places of the fields before it depend on the key type. So the search starts at the end: the string whose
    # length reaches exactly to the end of the blob.
    for position in range(len(blob) - 4, 0, -1):
        length = int.from_bytes(blob[position : position + 4], "big")
        if position + 4 + length == len(blob) and length > 8:
            field = blob[position + 4 :]
            name = key_type(field)
            if name.startswith(("ssh-", "ecdsa-", "rsa-sha2-", "sk-")):
                return name
    return ""


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(min(seconds, 253402300799)))
