"""A port on this machine that leads through the connection to one on the far side, as `ssh -L`."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import paramiko

from tasks.ssh.errors import RemoteError


@contextlib.contextmanager
def listen(
    transport: paramiko.Transport, local_port: int, remote_host: str, remote_port: int
) -> Iterator[int]:
    """Yields the port on 127.0.0.1. Leaving ends the listener and all that runs through it."""
    try:
        listener = socket.create_server(("127.0.0.1", local_port))
    except OSError as error:
        raise RemoteError(
            f"port {local_port} of this machine cannot be listened on: {error.strerror}",
            "choose another port",
        ) from error
    listener.settimeout(0.2)  # on some systems nothing else wakes accept()
    ended = threading.Event()
    open_ends: set[socket.socket | paramiko.Channel] = set()

    def accept() -> None:
        while True:
            try:
                sock, peer = listener.accept()
            except TimeoutError:
                if ended.is_set():
                    return
                continue
            threading.Thread(target=serve, args=(sock, peer), name="forward", daemon=True).start()

    def serve(sock: socket.socket, peer: tuple[str, int]) -> None:
        try:
            channel = transport.open_channel("direct-tcpip", (remote_host, remote_port), peer, timeout=30)
        except (paramiko.SSHException, EOFError, OSError):
            sock.close()  # nobody listens there: the browser sees the same as without a tunnel
            return
        ends = {sock, channel}
        open_ends.update(ends)
        back = threading.Thread(target=_copy, args=(channel, sock), name="forward", daemon=True)
        back.start()
        _copy(sock, channel)
        back.join()
        open_ends.difference_update(ends)
        channel.close()
        sock.close()

    thread = threading.Thread(target=accept, name="forward", daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        thread.join(2)
        listener.close()
        for end in list(open_ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _copy(source: socket.socket | paramiko.Channel, sink: socket.socket | paramiko.Channel) -> None:
    """Until the source ends; then the sink is told so, and may still answer."""
    try:
        while data := source.recv(1 << 15):
            sink.sendall(data)
    except (OSError, EOFError):
        source.close()
    with contextlib.suppress(OSError, EOFError):
        sink.shutdown(socket.SHUT_WR)
