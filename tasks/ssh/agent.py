"""ssh-agent: one connection for all hosts."""

from __future__ import annotations

import os
import socket
import threading

import paramiko
from paramiko.agent import ALGORITHM_FLAG_MAP, AgentSSH
from paramiko.message import Message

from tasks.ssh.identity import CannotSign, Signer

_SIGN_REQUEST, _SIGN_RESPONSE = b"\x0d", 14


class Agent(AgentSSH):
    """A connection to ssh-agent that all threads share, one request at a time.

    :ivar held: public key blob -> comment, for each key in the agent.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._lock = threading.Lock()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(30)
        connection.connect(path)
        self._connect(connection)
        connection.settimeout(None)  # the agent may wait until the user confirms a signature
        self.held = {key.blob: key.comment for key in self.get_keys()}

    def signer(self, blob: bytes) -> Signer:
        def sign(data: bytes, algorithm: str) -> bytes:
            request = Message()
            request.add_byte(_SIGN_REQUEST)
            request.add_string(blob)
            request.add_string(data)
            request.add_int(ALGORITHM_FLAG_MAP.get(algorithm, 0))
            try:
                with self._lock:
                    kind, answer = self._send_message(request)
            except (OSError, paramiko.SSHException) as error:
                raise CannotSign("the agent is gone") from error
            if kind != _SIGN_RESPONSE:
                raise CannotSign("the agent refused to sign")
            return answer.get_binary()

        return Signer(blob, sign)


def reach(path: str) -> Agent | None:
    """The agent at that socket; None if it does not answer. Then the key files are tried, as in ssh."""
    if not path or not os.path.exists(path):
        return None
    try:
        return Agent(path)
    except (OSError, paramiko.SSHException):
        return None
