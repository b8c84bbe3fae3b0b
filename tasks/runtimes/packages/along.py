"""What goes along in a bundle besides the files for hosts: this program for its operators, and images."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.environment.wheels import FOLDER as WHEELS
from tasks.environment.wheels import INDEX, PYTHONS
from tasks.node.platforms import CONDA
from tasks.runtimes.packages import operators
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.operators import Set
from tasks.runtimes.packages.part import Part

TOOL, IMAGES = "rayfab", "images"


@dataclass(frozen=True)
class Entry:
    """One file in the tar.

    :param data: its bytes, or where they are.
    """

    name: str
    data: Path | bytes
    size: int
    sha256: str
    mode: int = 0o644


@dataclass(frozen=True)
class Image:
    """An archive with images.

    :param holds: their full names, each with its architecture.
    """

    file: Part
    holds: frozenset[tuple[str, str]]


@dataclass
class Along:
    """What goes along.

    :param version: of this program.
    :param files: this program's files and the user's, by their names in its folder: a path, or the bytes.
    :param sets: the wheels for the operators' machines.
    :param requirements: the requirements files that the wheels are for.
    :param pythons: platform -> a build of Python, for an operator's machine that has none.
    :param images: archive -> its SHA-256, and the images in it.
    """

    version: str = ""
    files: dict[str, Path | bytes] = field(default_factory=dict)
    sets: Sequence[Set] = ()
    requirements: Sequence[Path] = ()
    pythons: dict[str, Item] = field(default_factory=dict)
    images: dict[Path, tuple[str, Sequence[tuple[str, str]]]] = field(default_factory=dict)

    @property
    def items(self) -> list[Item]:
        """The wheels and builds of Python, to be fetched."""
        return [*operators.items(self.sets), *self.pythons.values()]

    @property
    def size(self) -> int:
        """Bytes, without the wheels."""
        files = sum(len(d) if isinstance(d, bytes) else d.stat().st_size for d in self.files.values())
        return files + sum(path.stat().st_size for path in self.images)

    def said(self) -> dict[str, Any]:
        """The part of the bundle's list that is about it, without the sums."""
        pythons: dict[str, list[str]] = {}
        for one in self.sets:
            pythons.setdefault(one.platform, []).append(one.python)
        images = [{"file": path.name, "holds": list(holds)} for path, (_, holds) in self.images.items()]
        return {"version": self.version, "operators": pythons, "images": images}

    def entries(self, places: Mapping[str, Path]) -> list[Entry]:
        """The files in the tar.

        :param places: where the files of :attr:`items` are on this machine.
        """
        made = [_entry(f"{TOOL}/{name}", data) for name, data in self.files.items()]
        for item in self.items:
            made.append(Entry(_wheel(item.file), places[item.file], item.size, item.sha256))
        if self.sets:
            made.append(_entry(_wheel(INDEX), operators.index(self.sets, self.requirements)))
        if self.pythons:
            lines = [
                f"{' '.join(CONDA[name])} {item.sha256} {item.file}\n" for name, item in self.pythons.items()
            ]
            made.append(_entry(_wheel(PYTHONS), "".join(lines).encode()))
        for path, (sha256, _) in self.images.items():
            made.append(Entry(f"{IMAGES}/{path.name}", path, path.stat().st_size, sha256))
        return made


def _wheel(name: str) -> str:
    return f"{TOOL}/{WHEELS}/{name}"


def _entry(name: str, data: Path | bytes) -> Entry:
    content = data if isinstance(data, bytes) else data.read_bytes()
    mode = 0o755 if name == f"{TOOL}/fab" else 0o644
    return Entry(name, data, len(content), hashlib.sha256(content).hexdigest(), mode)


def file_in(name: str) -> str | None:
    """The name of a host's file, of an entry that has one; a wheel that operators need too is there once."""
    folder, _, file = name.rpartition("/")
    return file if folder in ("files", f"{TOOL}/{WHEELS}") else None
