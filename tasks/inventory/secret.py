"""Values that must never be printed, and where they come from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import core_schema

MASK = "***"
COMMAND_TIMEOUT = 120.0  # seconds; long enough to type a passphrase for `pass`


class SecretUnavailable(Exception):
    """A secret could not be obtained; the message says why and never contains the secret."""


class Secret:
    """A text that prints as ``***`` everywhere; only :meth:`reveal` returns it."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        return self.__value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError("a Secret cannot be pickled: it would be written in plain text")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(lambda _: MASK)
        )


@dataclass(frozen=True)
class SecretSource:
    """Where a password comes from. Equal sources have the same secret, so each is resolved once.

    ``argument`` is the secret itself (plain), the name of the environment variable (env), the command line
    (command) or the path of the key in the hosts file, which the prompt shows (prompt).
    """

    kind: Literal["plain", "env", "command", "prompt"]
    argument: Secret | str = ""

    def resolve(self, ask: Callable[[str], str]) -> Secret:
        """Obtain the secret.

        :param ask: takes a question and returns what was typed.
        :raises SecretUnavailable: the variable is not set, the command failed, or the answer is empty.
        """
        if isinstance(self.argument, Secret):
            return self.argument
        if self.kind == "env":
            value = os.environ.get(self.argument, "")
            missing = f"the environment variable {self.argument} is not set or empty"
        elif self.kind == "command":
            value = _output_of(self.argument)
            missing = f"`{self.argument}` printed nothing"
        else:
            value = ask(f"{self.argument or 'password'}: ")
            missing = "no password was typed"
        if not value:
            raise SecretUnavailable(missing)
        if "\n" in value or "\0" in value:
            raise SecretUnavailable(f"the password from {self} has more than one line")
        return Secret(value)

    def __str__(self) -> str:
        return f"{self.kind} {self.argument}".rstrip()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(_dumped)
        )


def _dumped(source: SecretSource) -> Any:
    if source.kind == "plain":
        return MASK
    return {source.kind: True if source.kind == "prompt" else source.argument}


def _output_of(command: str) -> str:
    # stdin and stderr stay the terminal's, since a password manager may ask for its own passphrase
    try:
        done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, timeout=COMMAND_TIMEOUT)
        output = done.stdout.decode()
    except subprocess.TimeoutExpired:
        raise SecretUnavailable(f"`{command}` did not end within {COMMAND_TIMEOUT:.0f} s") from None
    except (OSError, ValueError):
        raise SecretUnavailable(f"`{command}` could not be run, or printed no text") from None
    if done.returncode:
        raise SecretUnavailable(f"`{command}` ended with status {done.returncode}")
    return output.rstrip("\r\n")
