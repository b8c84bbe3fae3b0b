"""`fab bundle --check`: what is in a bundle, for whom, and whether every file is what its list says."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.along import IMAGES, TOOL
from tasks.runtimes.packages.bundle import FORMAT, MANIFEST, sum_of
from tasks.runtimes.packages.lock import BadLock, Lock, parse
from tasks.runtimes.packages.tool import HOSTS_FILE
from tasks.text.wording import counted

CHUNK = 1 << 20
OnBytes = Callable[[int], None]


@dataclass
class Contents:
    """What a bundle says of itself, and what is wrong with it.

    :param said: its list.
    :param sizes: bytes, by the name in the tar.
    :param wrong: a line for each file that is missing, damaged or not in the list.
    """

    said: Mapping[str, Any]
    locks: list[Lock]
    sizes: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def size_of(self, folder: str) -> int:
        """Bytes of the files in a folder."""
        return sum(size for name, size in self.sizes.items() if name.startswith(f"{folder}/"))

    def for_hosts(self) -> list[tuple[str, str, str]]:
        """Runtime, platform, and what is installed, for each kind of host."""
        rows = []
        for lock in self.locks:
            files = [item for item in lock.items if item.kind != "sdist"]
            size = sum(item.size for item in files)
            what = f"Ray {lock.ray}, Python {lock.python}, {counted(len(files), 'file')}, {size / 1e6:.0f} MB"
            rows.append((lock.runtime, lock.platform, what))
        return rows

    def images(self) -> list[tuple[str, str, str]]:
        """Name, architecture and size of each image."""
        return [
            (name, arch, f"{self.sizes.get(IMAGES + '/' + one['file'], 0) / 1e6:.0f} MB")
            for one in self.said.get("images", ())
            for name, arch in one["holds"]
        ]

    def hosts_file(self) -> bool:
        """Whether the operator's hosts file is in it."""
        return f"{TOOL}/{HOSTS_FILE}" in self.said["sums"]


def examine(path: Path, on_bytes: OnBytes = lambda done: None) -> Contents:
    """Reads the whole bundle.

    :param on_bytes: called with the number of bytes that are read.
    :raises Unavailable: there is no such file, or it is no bundle of this version.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            return _examine(path, tar, on_bytes)
    except OSError as error:
        raise Unavailable(
            f"{path}: {error.strerror or error}", "fab bundle --output FILE makes one", 2
        ) from None
    except (tarfile.TarError, EOFError, BadLock, ValueError, KeyError, TypeError, AttributeError):
        raise Unavailable(f"{path} is not a bundle", "fab bundle --output FILE makes one", 2) from None


def _examine(path: Path, tar: tarfile.TarFile, on_bytes: OnBytes) -> Contents:
    first = tar.next()
    if first is None or first.name != MANIFEST:
        raise tarfile.TarError
    said = json.loads(tar.extractfile(first).read())
    if said["format"] != FORMAT:
        why = f"{path} was made by another version of this program ({said['format']})"
        raise Unavailable(why, "make it again: fab bundle --output FILE", 2)
    found = Contents(said, [parse(text) for text in said["locks"]])
    sums = dict(said["sums"])
    if said["sum"] != sum_of(said):
        found.wrong.append(f"{MANIFEST} is damaged: its SHA-256 differs")
    done = 0
    try:
        while member := tar.next():
            if member.isdir():
                continue
            digest = hashlib.sha256()
            with (member.isfile() and tar.extractfile(member)) or io.BytesIO() as inside:
                while data := inside.read(CHUNK):
                    digest.update(data)
                    done += len(data)
                    on_bytes(done)
            found.sizes[member.name] = member.size
            expected = sums.pop(member.name, None)
            if expected is None:
                found.wrong.append(f"{member.name} is not in its list")
            elif not member.isfile() or expected != digest.hexdigest():
                found.wrong.append(f"{member.name} is damaged: its SHA-256 differs")
    except (tarfile.TarError, EOFError):
        pass  # the rest is missing
    found.wrong += [f"{name} is missing" for name in sums]
    return found
