"""The messages of a login: one request to the server, and its reply."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from paramiko.auth_handler import AuthHandler
from paramiko.message import Message

from tasks.ssh.identity import Signer
from tasks.ssh.knownhosts import key_type
from tasks.ssh.transport import Transport

_SERVICE_REQUEST, _USERAUTH_REQUEST, _INFO_RESPONSE = b"\x05", b"\x32", b"\x3d"
_TIMEOUT = 60.0  # seconds for one reply: PAM and name lookups on the far side may be slow


@dataclass(frozen=True)
class Questions:
    """What a server asks at once: a text for all, and for each question its prompt and whether the answer is shown."""

    text: str
    prompts: list[tuple[str, bool]]


class Handler(AuthHandler):
    """One login request and its reply.

    paramiko's own handler signs before it knows whether the server accepts the key, and forgets which methods the
    server allows.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.methods: list[str] = []
        self.partial = False
        self.acceptable = False  # whether the server would accept the public key that was offered
        self.said: list[str] = []  # what the server wants people to read
        self.asked = False  # the server has put a question
        self._questions: Questions | None = None
        self._accepted = threading.Event()

    def start(self) -> bool:
        request = Message()
        request.add_byte(_SERVICE_REQUEST)
        request.add_string("ssh-userauth")
        self.transport._send_message(request)
        # abort(), which is called when the connection is lost, sets only `auth_event`
        self.auth_event = self._accepted
        return self._accepted.wait(_TIMEOUT) and self.transport.is_active()

    def request(self, user: str, method: str, finish: Callable[[Message], None]) -> bool:
        """Whether the server logged the user in, or would accept the key.

        :raises EOFError: the server closed the connection.
        """
        self.auth_method, self.username = method, user
        self.partial = self.acceptable = False
        self.auth_event = event = threading.Event()
        message = Message()
        message.add_byte(_USERAUTH_REQUEST)
        message.add_string(user)
        message.add_string("ssh-connection")
        message.add_string(method)
        finish(message)
        self.transport._send_message(message)
        return self._wait(event)

    def _wait(self, event: threading.Event) -> bool:
        if not event.wait(_TIMEOUT) or not self.transport.is_active():
            raise EOFError
        return self.is_authenticated() or self.acceptable

    def interactive(self, user: str, answer: Callable[[Questions], list[str]]) -> bool:
        """Answers the server's questions here and not in paramiko's thread: a person may take long."""

        def finish(message: Message) -> None:
            message.add_string("")
            message.add_string("")

        done = self.request(user, "keyboard-interactive", finish)
        while self._questions is not None:
            questions, self._questions = self._questions, None
            self.asked = self.asked or bool(questions.prompts)
            if not questions.prompts:
                self.said += questions.text.splitlines()
            answers = answer(questions)
            self.auth_event = event = threading.Event()
            message = Message()
            message.add_byte(_INFO_RESPONSE)
            message.add_int(len(answers))
            for one in answers:
                message.add_string(one)
            self.transport._send_message(message)
            done = self._wait(event)
        return done

    def is_acceptable(self, user: str, blob: bytes) -> bool:
        """Whether the server would accept this public key."""

        def finish(message: Message) -> None:
            message.add_boolean(False)
            message.add_string(self.algorithm(blob))
            message.add_string(blob)

        return self.request(user, "publickey", finish)

    def signed(self, user: str, signer: Signer) -> bool:
        algorithm = self.algorithm(signer.blob)
        data = Message()
        data.add_string(self.transport.session_id)
        data.add_byte(_USERAUTH_REQUEST)
        for part in (user, "ssh-connection", "publickey"):
            data.add_string(part)
        data.add_boolean(True)
        data.add_string(algorithm)
        data.add_string(signer.blob)
        signature = signer.sign(data.asbytes(), algorithm)

        def finish(message: Message) -> None:
            message.add_boolean(True)
            message.add_string(algorithm)
            message.add_string(signer.blob)
            message.add_string(signature)

        return self.request(user, "publickey", finish)

    def algorithm(self, blob: bytes) -> str:
        return self._finalize_pubkey_algorithm(key_type(blob))

    def _parse_service_accept(self, m: Message) -> None:
        self._accepted.set()

    def _parse_userauth_info_request(self, m: Message) -> None:
        if self.auth_method == "publickey":  # 60 is SSH_MSG_USERAUTH_PK_OK there
            self.acceptable = True
            self.auth_event.set()
        else:
            texts = [m.get_text(), m.get_text()]
            m.get_binary()  # a language
            prompts = [(m.get_text(), m.get_boolean()) for _ in range(m.get_int())]
            self._questions = Questions("\n".join(text for text in texts if text.strip()), prompts)
            self.auth_event.set()

    def _parse_userauth_banner(self, m: Message) -> None:
        self.said += m.get_string().decode("utf-8", "replace").splitlines()

    def _parse_userauth_failure(self, m: Message) -> None:
        self.methods = m.get_list()
        self.partial = m.get_boolean()
        self.authenticated = False
        self.auth_event.set()

    @property
    def _client_handler_table(self):
        table = super()._client_handler_table
        return {**table, 51: self._parse_userauth_failure, 60: self._parse_userauth_info_request}
