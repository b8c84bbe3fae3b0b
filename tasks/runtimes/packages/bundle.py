"""A bundle: everything that hosts without Internet access install, in one tar, with the SHA-256 of every file."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import BadLock, Key, Lock, parse
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
    """

    path: Path
    locks: dict[Key, Lock]
    tools: dict[str, dict[str, Item]]
    wheels: dict[str, Item]
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
                places = {m.name.removeprefix("files/"): (m.offset_data, m.size) for m in tar if m.isfile()}
            if said.get("format") != FORMAT:
                raise tarfile.TarError
            locks = {lock.key: lock for lock in map(parse, said["locks"])}
            tools = {
                platform: {what: Item(**one) for what, one in those.items()}
                for platform, those in said["tools"].items()
            }
            wheels = {source: Item(**one) for source, one in said["wheels"].items()}
        except FileNotFoundError:
            raise Unavailable(f"there is no file {path}", "fab bundle --output FILE makes one", 2) from None
        except (tarfile.TarError, BadLock, ValueError, KeyError, TypeError, AttributeError):
            raise Unavailable(f"{path} is not a bundle, or is incomplete", _AGAIN, 2) from None
        except OSError as error:
            raise Unavailable(
                f"{path}: {error.strerror or error}", "name a file that can be read", 2
            ) from None
        made = cls(path, locks, tools, wheels, places)
        lacking = [item.file for item in made.items() if places.get(item.file, (0, -1))[1] != item.size]
        if lacking:
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise Unavailable(f"{path} lacks {lacking[0]}{more}", _AGAIN, 2)
        if path.stat().st_size < max((o + n for o, n in places.values()), default=0):
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


def write(
    path: Path,
    locks: Sequence[Lock],
    tools: Mapping[str, Mapping[str, Item]],
    wheels: Mapping[str, Item],
    place_of: Callable[[Item], Path],
    on_bytes: Callable[[int], None] | None = None,
) -> int:
    """Writes a bundle completely or not at all; returns its size in bytes.

    :param place_of: returns the path of a file on this machine.
    """
    said = {
        "format": FORMAT,
        "made": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
        "locks": [lock.text for lock in locks],
        "tools": {p: {what: vars(item) for what, item in those.items()} for p, those in tools.items()},
        "wheels": {source: vars(item) for source, item in wheels.items()},
    }
    locked = [i for lock in locks for i in lock.items if i.kind != "sdist"]
    every = [*locked, *wheels.values(), *(i for those in tools.values() for i in those.values())]
    part = path.with_name(f".{path.name}.part")
    done = 0
    try:
        with tarfile.open(part, "w:") as tar:
            data = json.dumps(said, indent=1).encode()
            head = tarfile.TarInfo(MANIFEST)
            head.size = len(data)
            tar.addfile(head, io.BytesIO(data))
            for item in {item.file: item for item in every}.values():
                entry = tarfile.TarInfo(f"files/{item.file}")
                entry.size, entry.mode = item.size, 0o644
                with place_of(item).open("rb") as file:
                    tar.addfile(entry, file)
                done += item.size
                if on_bytes:
                    on_bytes(done)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}", "free some space, or name another place"
        ) from None
    return path.stat().st_size


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
