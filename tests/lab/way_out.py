"""Lab hosts between others and the Internet: a proxy, and TLS with a certificate of a private authority."""

from __future__ import annotations

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tasks.testbed.host import LabHost
from tests.lab.story import sh

INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"
TINYPROXY = """
Port 3128
LogFile "/var/log/tinyproxy/tinyproxy.log"
LogLevel Connect
MaxClients 200
Timeout 60
"""
STUNNEL = """
pid = /run/stunnel.pid
[mirror]
accept = {address}:8443
connect = {address}:{port}
cert = /etc/stunnel/mirror.pem
"""


def authority_and_certificate(address: str) -> tuple[bytes, bytes]:
    """An authority's certificate, and a server's of its making with the key, for that address."""
    now = datetime.datetime.now(datetime.timezone.utc)
    signer = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lab authority")])

    def made(name: x509.Name, key, *extensions: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        )
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=2))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    identifier = x509.SubjectKeyIdentifier.from_public_key(signer.public_key())
    uses = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    root = made(issuer, signer, (x509.BasicConstraints(True, 0), True), (identifier, False), (uses, True))
    key = ec.generate_private_key(ec.SECP256R1())
    by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    leaf = made(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)]), key, (names, False), (by, False)
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return root.public_bytes(pem), leaf.public_bytes(pem) + secret


def tinyproxy_on(host: LabHost) -> LabHost:
    """Starts tinyproxy on a lab host, port 3128."""
    sh(host, f"apt-get update -qq; {INSTALL} tinyproxy")
    host.write_file("/etc/tinyproxy/tinyproxy.conf", TINYPROXY)
    sh(host, "systemctl restart tinyproxy")
    return host


def tls_before(host: LabHost, port: int | str) -> bytes:
    """Puts TLS before a server on a lab host, on port 8443; returns the certificate of its authority.

    :param port: of the server.
    """
    sh(host, f"apt-get update -qq; {INSTALL} stunnel4")
    authority, certificate = authority_and_certificate(host.address)
    host.write_file("/etc/stunnel/mirror.pem", certificate, 0o600)
    host.write_file("/etc/stunnel/mirror.conf", STUNNEL.format(address=host.address, port=port))
    sh(host, "systemd-run --quiet --unit=lab-tls --property=Type=forking stunnel /etc/stunnel/mirror.conf")
    return authority
