"""Keys that are renewed while the connection lasts."""

import socket

import paramiko
import pytest

from tasks.remote.transport import Transport


def test_a_long_transfer_renews_its_keys(connection, tmp_path):
    renewed = []
    transport = connection._transport
    verify = transport._verify_key
    transport._verify_key = lambda *args: renewed.append(1) or verify(*args)
    transport.packetizer.REKEY_BYTES = 1 << 20
    data = bytes(range(256)) * 40_000
    connection.put(data, str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == data
    assert len(renewed) >= 3


def test_another_host_key_then_ends_the_connection():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        transport = Transport(ours)
        transport.host_key_blob = b"the key that was verified"
        with pytest.raises(paramiko.SSHException, match="the host key changed while connected"):
            transport._verify_key(b"another", b"")
