"""A lock: the list of all files of a `runtime: conda` environment, for one platform."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tasks.node.facts import Facts
from tasks.node.platforms import conda_name
from tasks.runtimes.packages.items import Item

HEADER = "rayfab-lock 1"
KINDS = ("conda", "wheel", "sdist")
_ITEM = re.compile(r"(conda|wheel|sdist) ([A-Za-z0-9._+!-]+) ([0-9a-f]{64}) (\d+) (\S+)")


class BadLock(ValueError):
    """A text that is not a lock; the message names the wrong line."""


@dataclass(frozen=True)
class Lock:
    """The files that hosts of one platform install. ``platform`` is conda's name for it, as in ``linux-64``."""

    platform: str
    python: str
    ray: str
    request: str = ""  # a digest of the request that it was made for
    items: tuple[Item, ...] = field(default=())

    def of(self, kind: str) -> list[Item]:
        return [item for item in self.items if item.kind == kind]

    @property
    def id(self) -> str:
        """An id of the files, which does not depend on their URLs."""
        said = [self.platform, self.python, *(f"{i.kind} {i.file} {i.sha256}" for i in self.items)]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]

    @property
    def text(self) -> str:
        head = [HEADER, f"platform {self.platform}", f"python {self.python}", f"ray {self.ray}"]
        head += [f"request {self.request}"] if self.request else []
        lines = [f"{i.kind} {i.file} {i.sha256} {i.size} {i.url}" for i in self.items]
        return "\n".join([*head, *lines]) + "\n"


def subdir(facts: Facts) -> str | None:
    """Conda's name for a host's platform; None where conda has none."""
    return conda_name(facts.system, facts.arch)


def parse(text: str) -> Lock:
    """Parses the lock of one platform.

    :raises BadLock: with the number of the line.
    """
    said: dict[str, str] = {}
    items: list[Item] = []
    lines = text.strip().splitlines()
    if not lines or lines[0].strip() != HEADER:
        raise BadLock(f"line 1: expected {HEADER!r}")
    for number, line in enumerate(lines[1:], 2):
        line = line.strip()
        got = _ITEM.fullmatch(line)
        if got:
            kind, file, sha256, size, url = got.groups()
            try:
                items.append(Item(kind, file, sha256, int(size), url))
            except ValueError as error:
                raise BadLock(f"line {number}: {error}") from None
        elif (key := line.partition(" ")[0]) in ("platform", "python", "ray", "request"):
            said[key] = line.partition(" ")[2].strip()
        elif line and not line.startswith("#"):
            raise BadLock(f"line {number}: not a valid line of a lock file: {line[:60]!r}")
    missing = [key for key in ("platform", "python", "ray") if not said.get(key)]
    if missing:
        raise BadLock(f"it lacks {' or '.join(missing)}")
    return Lock(said["platform"], said["python"], said["ray"], said.get("request", ""), tuple(items))


def parse_all(text: str) -> dict[str, Lock]:
    """Parses a file with the locks of several platforms, one after the other.

    :raises BadLock: it is not a lock file.
    """
    lines = text.splitlines()
    starts = [n for n, line in enumerate(lines) if line.strip() == HEADER]
    if not starts:
        raise BadLock(f"it has no line {HEADER!r}")
    out: dict[str, Lock] = {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        try:
            one = parse("\n".join(lines[start:end]))
        except BadLock as error:
            number = re.match(r"line (\d+): (.*)", str(error))
            said = f"line {int(number.group(1)) + start}: {number.group(2)}" if number else str(error)
            raise BadLock(said) from None
        out[one.platform] = one
    return out


def join(locks: Mapping[str, Lock] | Iterable[Lock]) -> str:
    """The text of a lock file, with the platforms sorted by name."""
    every = locks.values() if isinstance(locks, Mapping) else locks
    head = "# Every file of the cluster's environments, made by `fab deploy-cluster`; `--upgrade` makes it again.\n"
    return head + "\n".join(lock.text for lock in sorted(every, key=lambda one: one.platform))
