"""A port on this machine that leads to one on the far side."""

import contextlib
import socket
import threading

import pytest

from tasks.ssh import ConnectionLost, PortTaken, TunnelRefused, Unreachable, connect
from tests.ssh import sshd
from tests.ssh.sshd import free_port


@pytest.fixture
def echo():
    """The port of a server that sends back what it gets, in capitals."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = server.accept()
                    threading.Thread(target=answer, args=(sock,), daemon=True).start()

        def answer(sock):
            with sock:
                while data := sock.recv(65536):
                    sock.sendall(data.upper())

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def talk(port, data):
    got = bytearray()
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        threading.Thread(
            target=lambda: (sock.sendall(data), sock.shutdown(socket.SHUT_WR)), daemon=True
        ).start()
        with contextlib.suppress(ConnectionResetError):
            while more := sock.recv(65536):
                got += more
    return bytes(got)


def test_data_passes_in_both_directions(connection, echo):
    with connection.forward_local(0, echo, "127.0.0.1") as port:
        assert talk(port, b"hello") == b"HELLO"
        assert talk(port, b"a" * 3_000_000) == b"A" * 3_000_000


def test_several_connections_at_once(connection, echo):
    answers = []
    with connection.forward_local(0, echo, "127.0.0.1") as port:
        threads = [
            threading.Thread(target=lambda n=n: answers.append(talk(port, b"x%d" % n))) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers) == [b"X%d" % n for n in range(8)]


def test_a_remote_port_on_which_nothing_listens(connection):
    with connection.forward_local(0, 1, "127.0.0.1") as port:
        assert talk(port, b"hello") == b""


def test_leaving_the_context_closes_everything(connection, echo):
    before = threading.active_count()
    with connection.forward_local(0, echo, "127.0.0.1") as port:
        sock = socket.create_connection(("127.0.0.1", port), 10)
        sock.sendall(b"a")
        assert sock.recv(1) == b"A"
    sock.settimeout(10)
    assert sock.recv(1) == b""
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 2)
    for thread in threading.enumerate():
        if thread.name.startswith("forward"):
            thread.join(5)
    assert threading.active_count() <= before + 1


def test_a_port_that_is_taken(connection, echo):
    with pytest.raises(PortTaken, match=f"port {echo} of this machine cannot be listened on"):
        with connection.forward_local(echo):
            pass


class TestKnock:
    """One connection through the tunnel, before anybody relies on it."""

    def test_somebody_answers(self, connection, echo):
        connection.knock("127.0.0.1", echo)

    def test_nobody_listens(self, connection):
        with pytest.raises(Unreachable, match=r"nothing answers at port \d+ of 127\.0\.0\.1 on a"):
            connection.knock("127.0.0.1", free_port())

    @pytest.mark.parametrize(
        "line", ["AllowTcpForwarding no", "DisableForwarding yes", "PermitOpen 127.0.0.1:1"]
    )
    def test_the_server_permits_no_tunnel(self, server, settings, tmp_path, echo, line):
        tmp_path.chmod(0o755)
        with sshd.running(tmp_path / "strict", line) as strict:
            key = strict.authorize(server.key)
            with connect(server.target(key=str(key), port=strict.port), settings) as opened:
                with pytest.raises(TunnelRefused, match="AllowTcpForwarding") as refused:
                    opened.knock("127.0.0.1", echo)
        assert "sshd_config" in refused.value.hint

    def test_after_the_connection_broke_the_tunnel_is_the_same(self, connection, echo):
        """Its port stays open meanwhile, and leads to the far side again once the connection is opened again."""
        with connection.forward_local(0, echo, "127.0.0.1") as port:
            connection.transport.close()
            with pytest.raises(ConnectionLost):
                connection.knock("127.0.0.1", echo)
            connection.close()
            connection.knock("127.0.0.1", echo)
            assert talk(port, b"hello") == b"HELLO"
