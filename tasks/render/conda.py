"""The scripts of `runtime: conda`: files into the host's store, and an environment out of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One file that a host needs. ``kind``: conda | wheel | sdist | installer | tool; ``size`` in bytes, 0: unknown."""

    kind: str
    file: str
    sha256: str
    size: int
    url: str


def fetch_script(*a, **k): ...
def conda_script(*a, **k): ...
