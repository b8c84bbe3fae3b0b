"""A lock: the list of all files of an environment, for one runtime on one platform."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tasks.node.facts import Facts
from tasks.node.platforms import conda_name
from tasks.runtimes.packages.items import Item

Key = tuple[str, str]  # a runtime and a platform

HEADER = "rayfab-lock 1"
_ITEM = re.compile(r"(python|conda|wheel|sdist) ([A-Za-z0-9._+!-]+) ([0-9a-f]{64}) (\d+) (\S+)")
_NEEDED = ("platform", "python", "ray")


class BadLock(ValueError):
    """A text that is not a lock; the message names the wrong line."""


@dataclass(frozen=True)
class Lock:
    """The files that hosts of one platform install.

    :param platform: conda's name for it, as in ``linux-64``.
    :param python: the full version.
    :param request: a digest of the request that it was made for.
    :param runtime: the runtime that it was made for.
    """

    platform: str
    python: str
    ray: str
    request: str = ""
    items: tuple[Item, ...] = field(default=())
    runtime: str = "conda"

    @property
    def key(self) -> Key:
        """What it is for: no file of locks has two for the same."""
        return self.runtime, self.platform

    def of(self, kind: str) -> list[Item]:
        return [item for item in self.items if item.kind == kind]

    @property
    def id(self) -> str:
        """An id of the files, which does not depend on their URLs, nor on where a host has its Python from."""
        files = [f"{i.kind} {i.file} {i.sha256}" for i in self.items if i.kind != "python"]
        said = [self.platform, self.python, *files]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]

    @property
    def env_id(self) -> str:
        """The name of the environment; the same packages on the same Python have the same name."""
        return f"ray-{self.ray}-py{self.python}-{self.id}"

    @property
    def text(self) -> str:
        head = [HEADER, *([f"runtime {self.runtime}"] if self.runtime != "conda" else [])]
        head += [f"platform {self.platform}", f"python {self.python}", f"ray {self.ray}"]
        head += [f"request {self.request}"] if self.request else []
        return "\n".join([*head, *(item.line for item in self.items)]) + "\n"


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
        elif (key := line.partition(" ")[0]) in (*_NEEDED, "request", "runtime"):
            said[key] = line.partition(" ")[2].strip()
        elif line and not line.startswith("#"):
            raise BadLock(f"line {number}: not a valid line of a lock file: {line[:60]!r}")
    missing = [key for key in _NEEDED if not said.get(key)]
    if missing:
        raise BadLock(f"it lacks {' or '.join(missing)}")
    platform, python, ray = (said[key] for key in _NEEDED)
    return Lock(platform, python, ray, said.get("request", ""), tuple(items), said.get("runtime", "conda"))


def parse_all(text: str) -> dict[Key, Lock]:
    """Parses a file with the locks of several runtimes and platforms, one after the other.

    :raises BadLock: it is not a lock file.
    """
    lines = text.splitlines()
    starts = [n for n, line in enumerate(lines) if line.strip() == HEADER]
    if not starts:
        raise BadLock(f"it has no line {HEADER!r}")
    out: dict[Key, Lock] = {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        try:
            one = parse("\n".join(lines[start:end]))
        except BadLock as error:
            number = re.match(r"line (\d+): (.*)", str(error))
            said = f"line {int(number.group(1)) + start}: {number.group(2)}" if number else str(error)
            raise BadLock(said) from None
        out[one.key] = one
    return out


def join(locks: Iterable[Lock]) -> str:
    """The text of a lock file, sorted by runtime and platform."""
    head = "# Every file of the cluster's environments, made by `fab deploy-cluster`; `--upgrade` makes it again.\n"
    return head + "\n".join(lock.text for lock in sorted(locks, key=lambda one: one.key))
