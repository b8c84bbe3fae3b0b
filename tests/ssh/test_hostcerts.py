"""Certificates that an honest server would not send."""

import base64
import subprocess
from pathlib import Path

import pytest

from tasks.ssh import HostKeyProblem
from tasks.ssh.hostcerts import parse
from tests.ssh.sshd import keygen


@pytest.fixture(scope="module", params=["ed25519", "rsa", "ecdsa"])
def sign(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    authority, key = keygen(directory / "authority", request.param), keygen(directory / "key", request.param)

    def sign(*options):
        command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "id", *options, f"{key}.pub"]
        subprocess.run(command, check=True)
        return base64.b64decode(Path(f"{key}-cert.pub").read_text().split()[1])

    return sign


def test_a_valid_certificate_has_no_problem(sign):
    assert parse(sign("-h", "-n", "node")).problem("node") == ""


def test_without_names_it_is_for_every_host(sign):
    assert parse(sign("-h")).problem("node") == ""


def test_a_user_certificate_is_refused(sign):
    assert parse(sign("-n", "node")).problem("node") == "it is a user certificate, not a host certificate"


def test_a_changed_name_breaks_the_signature(sign):
    forged = sign("-h", "-n", "othe").replace(b"othe", b"node")
    assert parse(forged).problem("node") == "its signature is wrong"


@pytest.mark.parametrize("sign", ["rsa"], indirect=True)  # only RSA signs with SHA-1
def test_a_signature_with_sha1_is_refused(sign):
    assert parse(sign("-h", "-t", "ssh-rsa")).problem("node") == "it is signed with SHA-1"


def test_a_truncated_certificate_cannot_be_read(sign):
    with pytest.raises(HostKeyProblem, match="cannot be read"):
        parse(sign("-h")[:-20])
