"""A key that can be offered to a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class CannotSign(Exception):
    """The key cannot sign; the message is the reason."""


@dataclass(frozen=True)
class Signer:
    """`sign(data, algorithm)` returns a signature blob, or raises CannotSign."""

    blob: bytes
    sign: Callable[[bytes, str], bytes]


@dataclass(frozen=True)
class Identity:
    """One public key and how to sign with it.

    :ivar blob: the public key; None if it can't be read without the passphrase.
    :ivar ask_first: ask the server whether it accepts the key before a person is asked for a passphrase.
    :ivar locked: a person must give a passphrase before it can sign.
    :ivar unlock: makes the Signer, or raises CannotSign.
    """

    label: str
    blob: bytes | None
    ask_first: bool
    unlock: Callable[[], Signer]
    locked: bool = False
