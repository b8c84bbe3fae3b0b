"""What a connection outlives: keys that are renewed, channels that end in the middle of a word."""

import socket
import time

import paramiko
import pytest

from tasks.ssh.transport import Transport
from tests.script.processes import until


def test_a_long_transfer_renews_its_keys(connection, tmp_path):
    renewed = []
    transport = connection.transport
    verify = transport._verify_key
    transport._verify_key = lambda *args: renewed.append(1) or verify(*args)
    transport.packetizer.REKEY_BYTES = 1 << 20
    data = bytes(range(256)) * 40_000
    connection.carry(data, str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == data
    assert len(renewed) >= 3


def test_another_host_key_then_ends_the_connection():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        transport = Transport(ours)
        transport.host_key_blob = b"the key that was verified"
        with pytest.raises(paramiko.SSHException, match="the host key changed while connected"):
            transport._verify_key(b"another", b"")


def test_what_comes_after_a_channel_s_end_ends_no_connection(connection):
    """One thread closes a channel while another is about to send on it: the server must not hear of that."""
    transport = connection.transport
    first = transport.open_session()
    number = first.remote_chanid
    first.close()
    until(lambda: transport._channels.get(first.chanid) is None, 10)
    time.sleep(0.1)
    for kind in (93, 94, 96, 97):  # window, data, EOF, CLOSE
        late = paramiko.Message()
        late.add_byte(bytes([kind]))
        late.add_int(number)
        if kind == 93:
            late.add_int(1)
        if kind == 94:
            late.add_string("late")
        transport._send_user_message(late)
    # the number is given to the next channel, which is heard
    second = transport.open_session()
    assert second.remote_chanid == number
    second.exec_command("cat")
    second.sendall(b"heard")
    second.shutdown_write()
    assert second.recv(100) == b"heard"
    assert second.recv_exit_status() == 0
    second.close()
    assert transport.is_active()
