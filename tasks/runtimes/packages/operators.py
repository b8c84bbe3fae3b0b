"""The wheels that this program itself needs on other operators' machines, for each platform and Python."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.environment.wheels import FORMAT
from tasks.inventory import Host
from tasks.node.platforms import CONDA
from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import Lock

# Python's minor versions that this program supports. Most wheels serve all of them: each costs about 4 MB.
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
GLIBC = ("2.17", "2.28")  # the oldest that there are wheels for
# `./fab` needs a POSIX shell; on Windows that is WSL, which is linux-64
PLATFORMS = tuple(name for name, (system, _) in CONDA.items() if system != "Windows")


@dataclass(frozen=True)
class Set:
    """The wheels for one platform and Python, by the name of the requirements file."""

    platform: str
    python: str
    items: Mapping[str, Sequence[Item]]


def choose(host: Host, requirements: Sequence[Path], platforms: Sequence[str]) -> list[Set]:
    """Chooses the wheels for these platforms, and for every Python that has them.

    :param host: its mirrors name the index, the proxy and the certificates.
    :param requirements: without the first one nothing works; the others are left out where there are no wheels.
    :raises Unavailable: the index does not answer, or has no wheels for a platform.
    """
    wanted = {path.name: _lines(path) for path in requirements}
    asked = [(platform, python) for platform in platforms for python in PYTHONS]
    with ThreadPoolExecutor(len(PYTHONS)) as pool:
        answers = list(pool.map(lambda one: _resolve(host, wanted, *one), asked))
    taken: set[str] = set()
    sets = []
    for (platform, python), found in zip(asked, answers, strict=True):
        if requirements[0].name not in found:
            continue
        chosen = {
            name: pypi.items(host, [_again(package, taken) for package in packages], platform)
            for name, packages in found.items()
        }
        taken |= {item.file for those in chosen.values() for item in those}
        sets.append(Set(platform, python, chosen))
    if lacking := set(platforms) - {one.platform for one in sets}:
        raise Unavailable(
            f"the package index has no wheels of {requirements[0].name} for {min(lacking)}",
            "--operator: name other platforms",
        )
    return sets


def _lines(path: Path) -> list[str]:
    lines = path.read_text("utf-8").splitlines()
    return ["--only-binary :all:", *(line for line in lines if line.strip() and not line.startswith("#"))]


def _resolve(
    host: Host, wanted: Mapping[str, Sequence[str]], platform: str, python: str
) -> dict[str, list[dict[str, Any]]]:
    """The packages of each requirements file that has wheels for this Python."""
    found = {}
    for name, lines in wanted.items():
        for glibc in GLIBC:
            try:
                found[name] = pypi.resolve(host, lines, python, platform, glibc)
                break
            except Unavailable as error:
                if not str(error).startswith("no set of packages fits"):
                    raise
    return found


def _again(package: dict[str, Any], taken: Iterable[str]) -> dict[str, Any]:
    """The package with the wheel that an older Python has taken, if it serves this one too: the bundle stays small."""
    same = [wheel for wheel in package.get("wheels", []) if pypi.file_of(wheel) in taken]
    return {**package, "wheels": same} if same else package


def items(sets: Sequence[Set]) -> list[Item]:
    """Each wheel once."""
    every = [item for one in sets for those in one.items.values() for item in those]
    return list({item.file: item for item in every}.values())


def pythons(sets: Sequence[Set], locks: Sequence[Lock]) -> dict[str, Item]:
    """A build of Python for each of the operators' platforms, if one is among the hosts' files: it costs nothing."""
    served = {(one.platform, one.python) for one in sets}
    return {
        lock.platform: item
        for lock in locks
        for item in lock.of("python")
        if item.file.endswith(".tar.gz") and (lock.platform, lock.python.rpartition(".")[0]) in served
    }


def index(sets: Sequence[Set], requirements: Sequence[Path]) -> bytes:
    """The list of the wheels, as :mod:`tasks.environment.wheels` reads it."""
    said = {
        "format": FORMAT,
        "requirements": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in requirements},
        "files": {item.file: item.sha256 for item in items(sets)},
        "sets": [
            {
                "platform": one.platform,
                "system": CONDA[one.platform][0],
                "machine": CONDA[one.platform][1],
                "python": one.python,
                **{name: [item.file for item in those] for name, those in one.items.items()},
            }
            for one in sets
        ],
    }
    return json.dumps(said, indent=1).encode()
