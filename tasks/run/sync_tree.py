"""The folder or file of this machine that `fab sync` copies, and packs of its contents."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tasks.plan.sync import FILE, FOLDER, LINK, Entry
from tasks.run.failures import Stop
from tasks.text.wording import shown

PART = 1 << 20


@dataclass
class Tree:
    """What is copied.

    :param dest: the folder on the hosts.
    :param places: a file with each content, by its SHA-256.
    :param left: what is not copied, such as sockets.
    """

    dest: str
    entries: list[Entry] = field(default_factory=list)
    places: dict[str, Path] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    whole: bool = True

    @property
    def size(self) -> int:
        return sum(one.size for one in self.entries)


def read(source: Path, dest: str, exclude: Sequence[str] = ()) -> Tree:
    """A file, or all of a folder, with the SHA-256 of each file.

    :param dest: where its content belongs; a file goes into it if it ends in ``/``.
    :param exclude: patterns of names or of relative paths.
    :raises Stop: something cannot be read, or has a name that cannot be copied.
    """
    try:
        if source.is_dir():
            tree = Tree(dest.rstrip("/") or "/")
            for path, inside in _walk(source, exclude):
                _add(tree, path, f"./{inside}" if inside else ".")
            return tree
        folder, _, name = (dest + source.name if dest.endswith("/") else dest).rpartition("/")
        tree = Tree(folder or "/", whole=False)
        _add(tree, source.resolve(strict=True), f"./{name}")
        return tree
    except OSError as error:
        why = f"{error.filename} cannot be read: {error.strerror}"
        raise Stop(why, "make it readable, or --exclude it", 2) from None


def _walk(source: Path, exclude: Sequence[str]) -> Iterator[tuple[Path, str]]:
    def left_out(inside: str) -> bool:
        name = inside.rpartition("/")[2]
        return any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(inside, p.rstrip("/")) for p in exclude)

    def refuse(error: OSError) -> None:
        raise error

    for folder, names, files in os.walk(source, onerror=refuse):
        at = os.path.relpath(folder, source).replace(os.sep, "/")
        below = "" if at == "." else f"{at}/"
        links = [name for name in names if os.path.islink(os.path.join(folder, name))]
        names[:] = sorted(n for n in names if n not in links and not left_out(below + n))
        if below:
            yield Path(folder), below.rstrip("/")
        for name in sorted([*files, *links]):
            if not left_out(below + name):
                yield Path(folder, name), below + name


def _add(tree: Tree, path: Path, inside: str) -> None:
    if any(not sign.isprintable() for sign in inside) or "\\" in inside:
        raise Stop(
            f"{shown(inside)} has a character in its name that cannot be copied", "rename or --exclude it", 2
        )
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode) & 0o777
    if stat.S_ISDIR(found.st_mode):
        tree.entries.append(Entry(inside, FOLDER, mode))
    elif stat.S_ISLNK(found.st_mode):
        target = os.readlink(path)
        if any(not sign.isprintable() for sign in target):
            raise Stop(f"{shown(inside)} is a link to a name that cannot be copied", "--exclude it", 2)
        tree.entries.append(Entry(inside, LINK, 0o777, value=target))
    elif stat.S_ISREG(found.st_mode):
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while part := file.read(PART):
                digest.update(part)
        tree.places.setdefault(digest.hexdigest(), path)
        tree.entries.append(Entry(inside, FILE, mode, found.st_size, digest.hexdigest()))
    else:
        tree.left.append(inside)


def pack(sums: Sequence[str], places: Mapping[str, Path], out: IO[bytes]) -> str:
    """Packs contents as a compressed tar, each named by its SHA-256; returns the SHA-256 of the pack.

    :raises Stop: a file has changed meanwhile.
    """
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as tar:
        for one in sums:
            info = tarfile.TarInfo(one)
            info.mode, info.size = 0o600, places[one].stat().st_size
            with places[one].open("rb") as file:
                try:
                    tar.addfile(info, file)
                except OSError:
                    raise Stop(
                        f"{places[one]} has changed while it was read", "the same command again"
                    ) from None
    out.flush()
    out.seek(0)
    digest = hashlib.sha256()
    while part := out.read(PART):
        digest.update(part)
    return digest.hexdigest()
