"""The program that tries ports, really run: who counts as one of its own, and who does not."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from tasks.script import files


@pytest.fixture
def listening():
    """A program that waits for one connection on a free port, 20 s at most: (process, port)."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    words = ["token", "here", "20", "1", "", str(port), ""]
    program = subprocess.Popen(
        [sys.executable, "-I", "-c", files.text("drivers", "reach"), *words],
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in program.stdout:
        if line == "ready\n":
            break
    yield program, port
    program.kill()
    program.wait()


def greeted(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as wire:
        data = b""
        while more := wire.recv(65536):
            data += more
    return data


def test_ends_when_all_have_come(listening):
    program, port = listening
    assert greeted(port).startswith(b"rayfab token here\n")
    assert program.wait(10) == 0


def test_a_stranger_does_not_count(listening):
    """Ray's head goes on looking for a node that is gone, on the ports that it had."""
    program, port = listening
    with socket.create_connection(("127.0.0.1", port), 10) as wire:
        wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        wire.recv(65536)
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(1)
    assert greeted(port).endswith(b".")
    assert program.wait(10) == 0
