"""`runtime: conda` where a proxy is the only route out, and the lab's own authority signs the mirror's certificate.

The proxy is tinyproxy, and stunnel puts TLS before the stand-in for conda's mirror.
"""

from __future__ import annotations

import datetime
import ipaddress
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lab.story import ok, sh, status
from tests.lab.test_conda import settings

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


@pytest.fixture(scope="module")
def proxy(fresh_host):
    """A lab host that reaches the internet, and a proxy on it."""
    host = fresh_host("bare")
    sh(host, f"apt-get update -qq; {INSTALL} tinyproxy")
    host.write_file("/etc/tinyproxy/tinyproxy.conf", TINYPROXY)
    sh(host, "systemctl restart tinyproxy")
    return host


@pytest.fixture(scope="module")
def secure(conda_mirror):
    """The authority that the mirror's certificate is of, and where the mirror speaks TLS."""
    host = conda_mirror.host
    sh(host, f"apt-get update -qq; {INSTALL} stunnel4")
    authority, certificate = authority_and_certificate(host.address)
    host.write_file("/etc/stunnel/mirror.pem", certificate, 0o600)
    port = conda_mirror.base.rpartition(":")[2]
    host.write_file("/etc/stunnel/mirror.conf", STUNNEL.format(address=host.address, port=port))
    sh(host, "systemd-run --quiet --unit=lab-tls --property=Type=forking stunnel /etc/stunnel/mirror.conf")
    return authority, f"https://{host.address}:8443/anaconda"


@pytest.fixture(scope="module")
def hosts(fresh_hosts, conda_mirror):
    """One has curl, the other Python alone; neither reaches the Internet, nor the mirror but by the proxy."""
    made = fresh_hosts(2, "python")
    sh(made[0], f"apt-get update -qq; {INSTALL} curl ca-certificates")
    for host in made:
        host.cut_internet()
        sh(host, f"ip route add prohibit {conda_mirror.host.address}")
    return made


@pytest.mark.matrix  # the same steps as those of test_uv_packages.py
def test_everything_comes_through_it(hosts, proxy, secure, conda_mirror, fab, hosts_file, tmp_path):
    authority, url = secure
    (tmp_path / "lab-ca.pem").write_bytes(authority)
    conda = settings(conda_mirror)["conda"]
    strange = {
        "conda": f"{url}/pkgs",
        "miniconda": f"{url}/miniconda",
        "proxy": f"http://{proxy.address}:3128",
    }
    unknown = hosts_file(hosts, "conda", settings={"conda": conda, "mirrors": strange}, name="unknown.yml")
    known = hosts_file(hosts, "conda", settings={"conda": conda, "mirrors": {**strange, "ca": "lab-ca.pem"}})
    # without the authority it is nobody's mirror, and nothing is changed
    done = fab("deploy-cluster", hosts_file=unknown)
    assert done.returncode == 1
    assert "certificate" in done.stdout.lower()
    assert hosts[0].exec("test -e /root/.rayfab/.store")[0] != 0

    out = ok(fab("deploy-cluster", hosts_file=known, timeout=600))
    assert "2 hosts run Ray 2.7.2; a task ran on each" in out
    assert status(fab, known)["healthy"]
    log = sh(proxy, "cat /var/log/tinyproxy/tinyproxy.log")
    for host in hosts:
        assert len(re.findall(rf"CONNECT.*{re.escape(host.address)}|from {re.escape(host.address)}", log)) > 5
    ok(fab("destroy", "--yes", "--purge", hosts_file=known))
