"""The folders that a node needs on a host, and the limits of its user, as ``places.sh`` reports them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True)
class Mount:
    """A file system. :param kind: as in ``ext4``. :param options: as in ``ro``, ``noexec``."""

    at: str = ""
    kind: str = ""
    options: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Room:
    """The size of a file system and what is free of it, in bytes."""

    size: int
    free: int

    @property
    def used(self) -> int:
        """Percent."""
        return 100 - self.free * 100 // self.size if self.size else 100


@dataclass(frozen=True)
class Places:
    """Ray's own folder, the home, and the limits of this user; empty or None where the host did not report it.

    :param near: Ray's folder, or the nearest folder above it that exists.
    :param writable: whether the user may write there.
    :param spill_near: the same for the folder for spilled objects; '' if there is to be none.
    :param foreign: the owner and the path of what another user has left there, and Ray would have to write.
    :param cleaner: what removes old files there.
    :param rooms: by the folder on which a file system is mounted.
    :param inodes: how many files can still be created, in the same way.
    :param processes: how many processes and threads the user may have; None: as many as fit.
    :param files: how many files a process may open.
    """

    near: str = ""
    writable: bool = True
    foreign: tuple[str, str] | None = None
    cleaner: str = ""
    home: Mount = Mount()
    temp: Mount = Mount()
    spill: Mount = Mount()
    spill_near: str = ""
    spill_writable: bool = True
    rooms: Mapping[str, Room] = field(default_factory=dict)
    inodes: Mapping[str, int] = field(default_factory=dict)
    processes: int | None = None
    files: int | None = None


def parse_places(values: Mapping[str, Sequence[str]], texts: Mapping[str, Sequence[str]]) -> Places:
    """Parses the answer of the facts script."""

    def one(key: str) -> str:
        return (values.get(key) or [""])[-1].strip()

    owner, _, path = one("temp_foreign").partition(" ")
    mounts = [line.split(None, 3) for line in values.get("mount", ())]
    # nobody reported it, as on Windows
    writable = bool(one("temp_writable")) or not one("temp_near")
    return Places(
        near=one("temp_near"),
        writable=writable,
        foreign=(owner, path) if path else None,
        cleaner=one("cleaner"),
        home=_mount("home", mounts),
        temp=_mount("temp", mounts),
        spill=_mount("spill", mounts),
        spill_near=one("spill_near"),
        spill_writable=bool(one("spill_writable")) or not one("spill_near"),
        rooms={
            row[-1]: Room(int(row[-5]) * 1024, int(row[-3]) * 1024)
            for row in _rows(texts.get("df", ()))
            if row[-5].isdigit()
        },
        # a file system without a fixed number reports 0 of 0
        inodes={row[-1]: int(row[-3]) for row in _rows(texts.get("inodes", ())) if row[-5] not in ("0", "-")},
        processes=_hard(one("limit_processes")),
        files=_hard(one("limit_files")),
    )


def mount_of(path: str, mounts: Mapping[str, object]) -> str:
    """The one of these folders on which the file system of ``path`` is mounted; ``/`` if none."""
    fit = [at for at in mounts if path == at or path.startswith(at.rstrip("/") + "/")]
    return max(fit, key=len, default="/")


def _rows(lines: Sequence[str]) -> list[list[str]]:
    rows = [line.split() for line in lines if re.search(r"\d+%|\s-\s", line)]
    return [row for row in rows if len(row) >= 6 and row[-3].isdigit()]


def _mount(which: str, mounts: Sequence[Sequence[str]]) -> Mount:
    """The innermost one; of several on the same folder the last hides the others."""
    fit = [one for one in mounts if len(one) == 4 and one[0] == which]
    if not fit:
        return Mount()
    at = max((one[3] for one in fit), key=len)
    _, kind, options, _ = next(one for one in reversed(fit) if one[3] == at)
    return Mount(at, kind, frozenset(options.split(",")))


def _hard(text: str) -> int | None:
    hard = text.rpartition(" ")[2]
    return int(hard) if hard.isdigit() else None
