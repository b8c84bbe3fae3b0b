"""``sudo`` with a password: given at sudo's own prompt only, and only once."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from typing import Any

from invoke import Context
from invoke.exceptions import AuthFailure, Failure, ResponseNotAccepted
from invoke.runners import Result, Runner
from invoke.watchers import StreamWatcher

from tasks.inventory.secret import Secret
from tasks.text.quoting import posix


class Answering(StreamWatcher):
    """Types the password at the first prompt. A second prompt means that sudo refused it, in any language."""

    def __init__(self, prompt: str, password: Secret) -> None:
        self._prompt, self._password = prompt, password
        self._given = False

    def submit(self, stream: str) -> Iterator[str]:
        prompts = stream.count(self._prompt)
        if prompts > 1:
            raise ResponseNotAccepted("sudo did not accept the password")
        if prompts and not self._given:
            self._given = True
            yield self._password.reveal() + "\n"


def run(context: Context, runner: Runner, command: str, password: str | None, **kwargs: Any) -> Result | None:
    """Runs ``command`` under sudo, as :meth:`invoke.Context.sudo` does.

    The prompt is random, so that a program that prints Invoke's usual prompt does not get the password. If there is
    no password, sudo does not ask for one, and fails at once if it needs one.

    :raises AuthFailure: sudo did not accept the password.
    """
    user = kwargs.pop("user", None) or context.config.sudo.user
    prompt = f"[sudo] password ({secrets.token_hex(4)}): "
    flags = f"-S -p {posix(prompt)} " if password else "-n "
    if kwargs.get("env"):
        flags += f"--preserve-env={posix(','.join(kwargs['env']))} "
    if user is not None:
        flags += f"-H -u {posix(user)} "
    watchers = kwargs.pop("watchers", None)
    watchers = list(context.config.run.watchers if watchers is None else watchers)
    if password:
        watchers.append(Answering(prompt, Secret(password)))
        if sys.stdin is None or not sys.stdin.isatty():
            # when its own standard input ends, Invoke closes the command's, before the password is written
            kwargs.setdefault("in_stream", False)
    try:
        return runner.run(f"sudo {flags}{context._prefix_commands(command)}", watchers=watchers, **kwargs)
    except Failure as failure:
        if isinstance(failure.reason, ResponseNotAccepted):
            raise AuthFailure(result=failure.result, prompt=prompt) from None
        raise
