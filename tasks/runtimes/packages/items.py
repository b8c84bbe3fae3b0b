"""The files that hosts install: each with its name, its size and its SHA-256."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KINDS = ("python", "conda", "wheel", "sdist", "installer", "tool")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!-]*")
# no space, and nothing that has a special meaning in a downloader's list of URLs
_URL = re.compile(r"-|[a-z]+://[!#-\[\]-~]+")


@dataclass(frozen=True)
class Item:
    """One file that a host needs.

    :param kind: conda, wheel, sdist, python (a build of CPython), installer or tool (uv's own wheel).
    :param size: bytes.
    :param url: where a host downloads it; "-" if it is copied there instead.
    """

    kind: str
    file: str
    sha256: str
    size: int
    url: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"not a kind of file: {self.kind!r}")
        if not _FILE.fullmatch(self.file) or self.file.endswith(".part"):
            raise ValueError(f"not a file's name: {self.file!r}")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"{self.file}: not a SHA-256: {self.sha256!r}")
        if not 0 < self.size < 1 << 50:
            raise ValueError(f"{self.file}: not a size: {self.size!r}")
        if not _URL.fullmatch(self.url):
            raise ValueError(f"{self.file}: not a URL: {self.url!r}")

    @property
    def line(self) -> str:
        """The file as a line of a lock, and of the list that a script installs from."""
        return f"{self.kind} {self.file} {self.sha256} {self.size} {self.url}"


def once(items: Sequence[Item]) -> list[Item]:
    """Each file once.

    :raises ValueError: two files have the same name, and could not be in one folder.
    """
    seen: Mapping[str, Item] = {}
    for item in items:
        if seen.setdefault(item.file, item).sha256 != item.sha256:
            raise ValueError(f"two different files are called {item.file}")
    return list(seen.values())
