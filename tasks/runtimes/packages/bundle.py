"""A bundle: everything that a site without Internet access needs, in one tar, with the SHA-256 of every file.

``files/`` has what hosts install, ``images/`` archives of images, and ``rayfab/`` this program for the operator.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.along import IMAGES, TOOL, Along, Entry, Image, file_in
from tasks.runtimes.packages.items import PASSWORD_IN_URL, Item
from tasks.runtimes.packages.lock import BadLock, Key, Lock, parse
from tasks.runtimes.packages.part import Part
from tasks.runtimes.packages.web import kept_in, one_at_a_time, sha256_of

FORMAT = "rayfab bundle 2"
MANIFEST = "manifest.json"
_AGAIN = "make it again: fab bundle --output FILE"


@dataclass(frozen=True)
class Bundle:
    """An opened bundle.

    :param locks: by runtime and platform.
    :param tools: platform -> uv's wheel under "uv", and each runtime's own program under the runtime's name.
    :param wheels: name of the source's file -> the wheel that was built from it.
    :param images: the archives of images, for hosts with Docker.
    :param said: the list of everything in it.
    """

    path: Path
    locks: dict[Key, Lock]
    tools: dict[str, dict[str, Item]]
    wheels: dict[str, Item]
    images: tuple[Image, ...] = ()
    said: Mapping[str, Any] = field(default_factory=dict)
    _places: dict[str, tuple[int, int]] = field(default_factory=dict)  # file -> offset, bytes

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Reads the manifest, and checks that every file in it exists with its full size.

        :raises Unavailable: it is not a bundle, or is incomplete.
        """
        path = path.expanduser()
        try:
            with tarfile.open(path, "r:") as tar:
                first = tar.next()
                if first is None or first.name != MANIFEST:
                    raise tarfile.TarError
                said = json.loads(tar.extractfile(first).read())
                members = {m.name: (m.offset_data, m.size) for m in tar if m.isfile()}
            places = {file: place for name, place in members.items() if (file := file_in(name))}
            if said.get("format") != FORMAT:
                raise tarfile.TarError
            locks = {lock.key: lock for lock in map(parse, said["locks"])}
            tools = {
                platform: {what: Item(**one) for what, one in those.items()}
                for platform, those in said["tools"].items()
            }
            wheels = {source: Item(**one) for source, one in said["wheels"].items()}
            images = [_image(path, one, members) for one in said["images"]]
        except FileNotFoundError:
            raise Unavailable(f"there is no file {path}", "fab bundle --output FILE makes one", 2) from None
        except (tarfile.TarError, BadLock, ValueError, KeyError, TypeError, AttributeError):
            raise Unavailable(f"{path} is not a bundle, or is incomplete", _AGAIN, 2) from None
        except OSError as error:
            raise Unavailable(
                f"{path}: {error.strerror or error}", "name a file that can be read", 2
            ) from None
        made = cls(path, locks, tools, wheels, tuple(images), said, places)
        lacking = [item.file for item in made.items() if places.get(item.file, (0, -1))[1] != item.size]
        if lacking:
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise Unavailable(f"{path} lacks {lacking[0]}{more}", _AGAIN, 2)
        if path.stat().st_size < max((o + n for o, n in members.values()), default=0):
            raise Unavailable(f"{path} is truncated", _AGAIN, 2)
        return made

    def items(self) -> list[Item]:
        """Every file in the bundle."""
        locked = [i for lock in self.locks.values() for i in lock.items if i.kind != "sdist"]
        return [*locked, *self.wheels.values(), *(i for those in self.tools.values() for i in those.values())]

    def get(self, item: Item) -> Path:
        """Copies a file from the bundle to this machine's disk and checks it.

        :raises Unavailable: it is missing or damaged.
        """
        with one_at_a_time(item.sha256):
            return self._get(item)

    def _get(self, item: Item) -> Path:
        place = kept_in() / item.sha256[:2] / item.sha256 / item.file
        if place.is_file() and place.stat().st_size == item.size:
            return place
        offset, size = self._places.get(item.file, (0, -1))
        if size < 0:
            raise Unavailable(f"the bundle lacks {item.file}", _AGAIN)
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f"{place.name}.part.{os.getpid()}")
        with self.path.open("rb") as bundle, part.open("wb") as out:
            bundle.seek(offset)
            left = size
            while left and (data := bundle.read(min(left, 1 << 20))):
                out.write(data)
                left -= len(data)
        if sha256_of(part) != item.sha256:
            part.unlink()
            raise Unavailable(f"{item.file} in the bundle is damaged: its SHA-256 differs", _AGAIN)
        part.replace(place)
        return place


def _image(path: Path, said: Mapping[str, Any], members: Mapping[str, tuple[int, int]]) -> Image:
    offset, size = members[f"{IMAGES}/{said['file']}"]
    return Image(
        Part(path, offset, size, said["file"]), frozenset((name, arch) for name, arch in said["holds"])
    )


def write(
    path: Path,
    locks: Sequence[Lock],
    tools: Mapping[str, Mapping[str, Item]],
    wheels: Mapping[str, Item],
    place_of: Callable[[Item], Path],
    on_bytes: Callable[[int], None] | None = None,
    along: Along | None = None,
) -> int:
    """Writes a bundle completely or not at all; returns its size in bytes.

    :param place_of: returns the path of a file on this machine.
    :param on_bytes: called with the number of bytes that are written.
    :raises Unavailable: it cannot be written, or a file is not what it was.
    """
    along = along or Along()
    part = path.with_name(f".{path.name}.part")
    done = _Done(on_bytes or (lambda written: None))
    try:
        more = along.entries({item.file: place_of(item) for item in along.items})
        have = {file_in(entry.name) for entry in more}
        locked = [i for lock in locks for i in lock.items if i.kind != "sdist"]
        every = [*locked, *wheels.values(), *(i for those in tools.values() for i in those.values())]
        files = [
            Entry(f"files/{item.file}", place_of(item), item.size, item.sha256)
            for item in {item.file: item for item in every}.values()
            if item.file not in have
        ]
        said = {
            "format": FORMAT,
            "made": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
            "locks": [lock.text for lock in locks],
            "tools": {p: {what: vars(item) for what, item in those.items()} for p, those in tools.items()},
            "wheels": {source: vars(item) for source, item in wheels.items()},
            **along.said(),
            "sums": {entry.name: entry.sha256 for entry in [*more, *files]},
        }
        first = _manifest(said)
        # tar of busybox does not know the newer format that is Python's default
        with tarfile.open(part, "w:", format=tarfile.GNU_FORMAT) as tar:
            _add(tar, first, done)
            if more:
                tar.addfile(_folder(TOOL))
            for entry in [*more, *files]:
                _add(tar, entry, done)
        part.replace(path)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}", "free some space, or name another place"
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def _manifest(said: Mapping[str, Any]) -> Entry:
    """The bundle's list. A bundle is handed on: no password of an index goes along."""
    said = json.loads(PASSWORD_IN_URL.sub("://", json.dumps(said)))
    data = json.dumps({**said, "sum": sum_of(said)}, indent=1).encode()
    return Entry(MANIFEST, data, len(data), hashlib.sha256(data).hexdigest())


def sum_of(said: Mapping[str, Any]) -> str:
    """The SHA-256 of a bundle's list, without its own entry for it."""
    rest = {key: value for key, value in said.items() if key != "sum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


class _Done:
    """Counts the bytes of all files, and checks those of each."""

    def __init__(self, on_bytes: Callable[[int], None]) -> None:
        self.on_bytes, self.bytes, self.digest = on_bytes, 0, hashlib.sha256()
        self.file: BinaryIO | None = None

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.digest.update(data)
        self.bytes += len(data)
        self.on_bytes(self.bytes)
        return data


def _folder(name: str) -> tarfile.TarInfo:
    """The folder itself: tar of busybox finds only names that are in the tar."""
    about = tarfile.TarInfo(name)
    about.type, about.mode, about.mtime = tarfile.DIRTYPE, 0o755, int(time.time())
    return about


def _add(tar: tarfile.TarFile, entry: Entry, done: _Done) -> None:
    about = tarfile.TarInfo(entry.name)
    about.size, about.mode, about.mtime = entry.size, entry.mode, int(time.time())
    done.digest = hashlib.sha256()
    with io.BytesIO(entry.data) if isinstance(entry.data, bytes) else entry.data.open("rb") as done.file:
        tar.addfile(about, done)
    if done.digest.hexdigest() != entry.sha256:
        raise Unavailable(
            f"{entry.data} has changed meanwhile, or the disk is damaged: its SHA-256 differs",
            "check the disk; fab bundle --output FILE makes it again",
        )


def room_for(path: Path, size: int) -> None:
    """Checks the free disk space.

    :raises Unavailable: there are fewer free bytes.
    """
    free = shutil.disk_usage(path.parent).free
    if free < size:
        raise Unavailable(
            f"{path.parent} has {free // 1_000_000} MB free, and {size // 1_000_000} MB are needed",
            "name a place with more room",
        )
