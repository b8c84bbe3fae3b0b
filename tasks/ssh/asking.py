"""Questions of OpenSSH's client, answered here: it has no terminal of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tasks.text.quoting import posix as quote

_HELPER = Path(__file__).with_name("askpass.py")


@contextlib.contextmanager
def answering(
    folder: Path, answer: Callable[[str], str | None], notice: Callable[[str], None]
) -> Iterator[dict[str, str]]:
    """A context in which a client that has the yielded environment asks ``answer``.

    :param folder: a private one with a short path.
    :param answer: returns what to answer to a prompt; None if there is no answer.
    :param notice: called with what a person must do, as touching a security key.
    """
    place = folder / "ask"
    program = folder / "askpass"
    program.write_text(
        f'#!/bin/sh\nexec {quote(sys.executable)} -I -S {quote(str(_HELPER))} {quote(str(place))} "$@"\n'
    )
    program.chmod(0o700)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(place))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(
                target=_one, args=(connection, answer, notice), name="askpass", daemon=True
            ).start()

    threading.Thread(target=serve, name="askpass", daemon=True).start()
    try:
        yield {
            **os.environ,
            "SSH_ASKPASS": str(program),
            "SSH_ASKPASS_REQUIRE": "force",
            # clients before 8.4 ask only where they see a display
            "DISPLAY": os.environ.get("DISPLAY") or ":0",
        }
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # close() alone does not wake accept()
        listener.close()


def _one(
    connection: socket.socket, answer: Callable[[str], str | None], notice: Callable[[str], None]
) -> None:
    with connection, contextlib.suppress(OSError):
        asked = b""
        while data := connection.recv(4096):
            asked += data
        kind, _, prompt = asked.decode("utf-8", "replace").partition("\0")
        if kind == "notice":
            notice(prompt)
        elif (said := answer(prompt)) is not None:
            connection.sendall(b"+" + said.encode())
