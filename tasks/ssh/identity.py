"""What can be offered to a server as a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class CannotSign(Exception):
    """The key is of no use here; the text says why."""


@dataclass(frozen=True)
class Signer:
    """`sign(data, algorithm)` gives a signature blob; it raises CannotSign."""

    blob: bytes
    sign: Callable[[bytes, str], bytes]


@dataclass(frozen=True)
class Identity:
    """One public key and the means to sign with it.

    `blob` is None where the public half is not known before the passphrase is. `ask_first`: the server is
    asked whether it wants the key before anybody is troubled for a signature. `unlock` raises CannotSign.
    """

    label: str
    blob: bytes | None
    ask_first: bool
    unlock: Callable[[], Signer]
