"""Logging in: every method that plain ssh would try, in the same order."""

from __future__ import annotations

import threading
from collections.abc import Callable

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.message import Message

from tasks.inventory.secret import Secret
from tasks.ssh.errors import AuthFailed
from tasks.ssh.identities import collect
from tasks.ssh.identity import CannotSign, Identity, Signer
from tasks.ssh.knownhosts import key_type
from tasks.ssh.sshconfig import Route
from tasks.ssh.target import Settings
from tasks.ssh.transport import Transport, lost

_SERVICE_REQUEST, _USERAUTH_REQUEST = b"\x05", b"\x32"
_TIMEOUT = 60.0  # seconds for one reply: PAM and name lookups on the far side may be slow


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
        if not event.wait(_TIMEOUT) or not self.transport.is_active():
            raise EOFError
        return self.is_authenticated() or self.acceptable

    def interactive(self, user: str, answer: Callable) -> bool:
        self.interactive_handler = answer

        def finish(message: Message) -> None:
            message.add_string("")
            message.add_string("")

        return self.request(user, "keyboard-interactive", finish)

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
            super()._parse_userauth_info_request(m)

    def _parse_userauth_failure(self, m: Message) -> None:
        self.methods = m.get_list()
        self.partial = m.get_boolean()
        self.authenticated = False
        self.auth_event.set()

    @property
    def _client_handler_table(self):
        table = super()._client_handler_table
        return {**table, 51: self._parse_userauth_failure, 60: self._parse_userauth_info_request}


def log_in(
    transport: Transport, route: Route, settings: Settings, password: Callable[[], Secret | None]
) -> None:
    """Authenticates.

    :param password: called only when the server asks for a password.
    :raises AuthFailed: it lists what was tried.
    """
    Login(transport, route, settings, password).run()


class Login:
    def __init__(self, transport, route, settings, password) -> None:
        self.transport, self.route, self.settings = transport, route, settings
        self.password = password
        self.handler = Handler(transport)
        transport.auth_handler = self.handler
        self.tried: list[str] = []
        self.locked: str | bool = ""

    def run(self) -> None:
        try:
            if not self.handler.start():
                raise EOFError
            self._try_methods()
        except (EOFError, OSError, paramiko.SSHException) as error:
            if isinstance(error, AuthFailed):
                raise
            if self.tried or self.transport.farewell:
                raise self._failed() from error
            raise lost(self.transport, str(self.route)) from error

    def _try_methods(self) -> None:
        ways = {
            "publickey": self._keys,
            "password": self._password,
            "keyboard-interactive": self._interactive,
        }
        left = [m for m in self.route.methods if m in ways]
        while left:
            method = left.pop(0)
            # What the server allows is known only after the first refusal.
            if self.handler.methods and method not in self.handler.methods:
                continue
            self.handler.partial = False
            if ways[method]():
                return
            if self.handler.partial:  # a second factor is needed: start over with the other methods
                left = [
                    m for m in self.route.methods if m in self.handler.methods and m in ways and m != method
                ]
        if not self.handler.methods:
            self.handler.request(self.route.user, "none", lambda message: None)
            if self.handler.is_authenticated():
                return
        raise self._failed()

    def _keys(self) -> bool:
        for identity in collect(self.route, self.settings):
            if "publickey" not in (self.handler.methods or ["publickey"]):
                break
            if self._key(identity):
                return True
            if self.handler.partial:
                break
        return False

    def _key(self, identity: Identity) -> bool:
        user = self.route.user
        self.tried.append(identity.label)
        try:
            if identity.ask_first and identity.blob and not self.handler.is_acceptable(user, identity.blob):
                return False
            return self.handler.signed(user, identity.unlock())
        except CannotSign as error:
            self.tried[-1] = f"{identity.label}: {error}"
            self.locked = self.locked or ("passphrase" in str(error) and identity.label)
            return False
        except paramiko.AuthenticationException:  # no signature algorithm that both sides have for an RSA key
            return False

    def _password(self) -> bool:
        secret = self.password()
        if secret is None:
            return False
        self.tried.append("password")

        def finish(message: Message) -> None:
            message.add_boolean(False)
            message.add_string(secret.reveal())

        return self.handler.request(self.route.user, "password", finish)

    def _interactive(self) -> bool:
        secret = self.password()
        if secret is None:
            return False
        self.tried.append("keyboard-interactive")
        return self.handler.interactive(
            self.route.user,
            lambda title, instructions, prompts: ["" if echo else secret.reveal() for _, echo in prompts],
        )

    def _failed(self) -> AuthFailed:
        who = f"{self.route.user}@{self.route}"
        tried = ", ".join(self.tried) or "nothing: no key and no password available"
        reason = f"; the server said: {self.transport.farewell}" if self.transport.farewell else ""
        return AuthFailed(f"authentication failed for {who} (tried: {tried}){reason}", self._hint())

    def _hint(self) -> str:
        allowed = self.handler.methods
        if "Too many" in self.transport.farewell:
            return "name the right key with `key:`, or set IdentitiesOnly in ~/.ssh/config"
        if self.locked:
            return f"unlock it for this session: ssh-add {self.locked.removeprefix('key ')}"
        if "password" in self.tried or "keyboard-interactive" in self.tried:
            return f"check the user and the password: ssh {self.route.user}@{self.route.hostname}"
        if allowed and "publickey" not in allowed:
            return "the server accepts only a password: set `password:`"
        return f"copy your key to the host: ssh-copy-id -p {self.route.port} {self.route.user}@{self.route.hostname}"
