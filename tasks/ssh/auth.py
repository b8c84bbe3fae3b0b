"""Logging in: every method that plain ssh would try, in the same order."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

import paramiko
from paramiko.message import Message

from tasks.inventory.secret import Secret
from tasks.ssh.authmessages import Handler, Questions
from tasks.ssh.errors import AuthFailed
from tasks.ssh.identities import collect
from tasks.ssh.identity import CannotSign, Identity
from tasks.ssh.sshconfig import Route
from tasks.ssh.target import Settings
from tasks.ssh.transport import Transport, lost
from tasks.text.wording import printable

T = TypeVar("T")
# a question for the password that is valid now, and for nothing else, as "alice@host's password:" or "Password for x:"
_PASSWORD = re.compile(r"^[^\n:]*\bpass(?:word|wort)\b[^\n:]*:?\s*$|^\W*密码\W*$", re.IGNORECASE)
_OTHER = re.compile(
    r"\b(?:new|retype|repeat|again|old|current|one[- ]?time|otp|code|token|2fa)\b", re.IGNORECASE
)
_BOOTS = re.compile(r"booting up|is starting|not permitted to log in yet", re.IGNORECASE)
_TRIES = 3  # as in ssh


def wants_password(prompt: str) -> bool:
    """Whether a server's question is for the user's password, so that `password:` is the answer."""
    return bool(_PASSWORD.match(prompt.strip())) and not _OTHER.search(prompt)


class NobodyThere(Exception):
    """A server asks a question, and no person can be asked; the message is its prompt."""


class Login:
    """One login.

    :param password: called only when the server asks for a password, with the number of those that it has refused;
        None if there is no other.
    :ivar cut: the server ended the connection.
    :ivar waited: seconds for which the login waited for a person; servers end logins that take long.
    """

    def __init__(
        self,
        transport: Transport,
        route: Route,
        settings: Settings,
        password: Callable[[int], Secret | None],
    ) -> None:
        self.transport, self.route, self.settings = transport, route, settings
        self.password = password
        self.handler = Handler(transport)
        transport.auth_handler = self.handler
        self.tried: list[str] = []
        self.locked: str | bool = ""
        self.cut, self.waited = False, 0.0
        self._given = 0  # passwords that were sent
        self._typed = 0  # answers to the server's own questions
        self._nobody = ""

    def run(self) -> None:
        """Authenticates.

        :raises AuthFailed: it lists what was tried, and what the server said.
        """
        try:
            if not self.handler.start():
                raise EOFError
            self._try_methods()
        except (EOFError, OSError, paramiko.SSHException) as error:
            self.cut = True
            if self.tried or self.transport.farewell or self.handler.said:
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
            if method != "publickey" and not self.handler.methods and self._none():
                return
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
        if not self.handler.methods and self._none():
            return
        raise self._failed()

    def _none(self) -> bool:
        """Asks the server which methods it allows; some servers let a user in without any."""
        self.handler.request(self.route.user, "none", lambda message: None)
        return self.handler.is_authenticated()

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
            if identity.locked and self.settings.ask is None:
                raise CannotSign("it has a passphrase and nobody can be asked for it")
            return self.handler.signed(user, self._patiently(identity.unlock))
        except CannotSign as error:
            self.tried[-1] = f"{identity.label}: {error}"
            self.locked = self.locked or ("passphrase" in str(error) and identity.label)
            return False
        except paramiko.AuthenticationException:  # no signature algorithm that both sides have for an RSA key
            self.tried[-1] = f"{identity.label}: no signature algorithm that both sides have"
            return False

    def _patiently(self, ask: Callable[[], T]) -> T:
        """What ``ask`` returns, which may wait for a person."""
        start = time.monotonic()
        try:
            return ask()
        finally:
            self.waited += time.monotonic() - start

    def _password(self) -> bool:
        while (secret := self._next_password()) is not None:
            self.tried.append("password")

            def finish(message: Message, secret: Secret = secret) -> None:
                message.add_boolean(False)
                message.add_string(secret.reveal())

            if self.handler.request(self.route.user, "password", finish) or self.handler.partial:
                break
        return self.handler.is_authenticated()

    def _next_password(self) -> Secret | None:
        """The next one to send; one that was refused is not sent again, since an account may be locked for that."""
        secret = self._patiently(lambda: self.password(self._given))
        self._given += secret is not None
        return secret

    def _interactive(self) -> bool:
        before, done = self._given, False
        try:
            for _ in range(_TRIES):
                typed = self._typed
                done = self.handler.interactive(self.route.user, self._answers)
                # only what a person has typed can be another thing the next time
                if done or self.handler.partial or self._typed == typed:
                    break
        except NobodyThere as error:
            self._nobody = str(error)
        if self.handler.asked and (not self._nobody or self._given > before):
            self.tried.append("keyboard-interactive")
        return done

    def _answers(self, questions: Questions) -> list[str]:
        return [self._answer(questions.text, prompt, echo) for prompt, echo in questions.prompts]

    def _answer(self, text: str, prompt: str, echo: bool) -> str:
        if not echo and wants_password(prompt):
            if (secret := self._next_password()) is None:
                raise NobodyThere(prompt.strip())
            return secret.reveal()
        lines = [printable(line) for line in text.splitlines() if line.strip()]
        shown = "\n".join([*lines, f"{self.route.user}@{self.route}: {printable(prompt.strip())} "])
        typed = self._patiently(lambda: self.settings.question(shown))
        if typed is None:
            raise NobodyThere(prompt.strip())
        self._typed += 1
        return typed

    def words(self) -> str:
        """What the server said, as one line."""
        lines = [printable(line.strip()) for line in self.handler.said if line.strip()]
        return " | ".join(dict.fromkeys(lines[-4:]))

    @property
    def boots(self) -> bool:
        """Whether the host lets nobody in because it is just starting."""
        return bool(_BOOTS.search(self.words()))

    def _failed(self) -> AuthFailed:
        who, words = f"{self.route.user}@{self.route}", self.words()
        if self._nobody and not wants_password(self._nobody):
            return AuthFailed(
                f"{self.route} asks {self.route.user} for an answer ({printable(self._nobody)}), and nobody is there",
                "run it on a terminal, or have a key be enough for this user",
            )
        if self.cut and words and not self.transport.farewell:
            if self.boots:
                hint = "wait until it has started"
            else:
                hint = "ask who runs the host; or another `user:`"
            return AuthFailed(f"{self.route} does not let {self.route.user} in: {words}", hint)
        tried = ", ".join(self.tried) or "nothing: no key and no password available"
        said = self.transport.farewell or words
        reason = f"; the server said: {said}" if said else ""
        allowed = tuple(self.handler.methods)
        return AuthFailed(f"authentication failed for {who} (tried: {tried}){reason}", self._hint(), allowed)

    def _hint(self) -> str:
        allowed = self.handler.methods
        if "Too many" in self.transport.farewell:
            return "name the right key with `key:`, or set IdentitiesOnly in ~/.ssh/config"
        if self.locked:
            return f"unlock it for this session: ssh-add {self.locked.removeprefix('key ')}"
        if self._typed:
            return "what was typed was not accepted; a code holds for a short time, and only once"
        if self._given:
            return f"check the user and the password: ssh {self.route.user}@{self.route.hostname}"
        if allowed and "publickey" not in allowed:
            if not {"password", "keyboard-interactive"} & set(allowed):
                return (
                    f"the server accepts only {', '.join(allowed)}: connection: openssh, if plain ssh gets in"
                )
            return "the server accepts only a password: set `password:`"
        return f"copy your key to the host: ssh-copy-id -p {self.route.port} {self.route.user}@{self.route.hostname}"
