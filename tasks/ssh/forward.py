"""A port that leads somewhere else, as with ``ssh -L``."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import paramiko

from tasks.ssh.errors import PortTaken

Peer = tuple[str, int]
End = socket.socket | paramiko.Channel


@contextlib.contextmanager
def listen(host: str, port: int, dial: Callable[[Peer], End]) -> Iterator[int]:
    """Listens on this machine until the context is left, which also closes all forwarded connections.

    :param port: 0 takes a free one. The context's value is the port.
    :param dial: opens the other end; its argument is the address of the client that connected.
    :raises PortTaken: this machine cannot listen there.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise PortTaken(
            f"port {port} of this machine cannot be listened on: {error.strerror}", "choose another port"
        ) from error
    listener.settimeout(0.2)  # on some systems nothing else wakes accept()
    ended = threading.Event()
    open_ends: set[End] = set()

    def accept() -> None:
        while True:
            try:
                sock, peer = listener.accept()
            except TimeoutError:
                if ended.is_set():
                    return
                continue
            threading.Thread(target=serve, args=(sock, peer), name="forward", daemon=True).start()

    def serve(sock: socket.socket, peer: Peer) -> None:
        try:
            far = dial(peer)
        except (paramiko.SSHException, EOFError, OSError):
            sock.close()  # nobody listens there: the browser sees the same as without a tunnel
            return
        ends = {sock, far}
        open_ends.update(ends)
        back = threading.Thread(target=_copy, args=(far, sock), name="forward", daemon=True)
        back.start()
        _copy(sock, far)
        back.join()
        open_ends.difference_update(ends)
        far.close()
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


def _copy(source: End, sink: End) -> None:
    """Copies until the source ends. Then it closes the sink for writing; the sink may still answer."""
    try:
        while data := source.recv(1 << 15):
            sink.sendall(data)
    except (OSError, EOFError):
        source.close()
    with contextlib.suppress(OSError, EOFError):
        sink.shutdown(socket.SHUT_WR)
