"""The wheels that a bundle brings along, in the folder ``wheels`` beside the requirements: no index is asked then."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from tasks.environment import Failed

FOLDER, INDEX = "wheels", "wheels.json"
# what ./fab unpacks where no Python fits: a line for each build, with system, machine, SHA-256 and file
PYTHONS = "pythons"
FORMAT = "rayfab wheels 1"
_AGAIN = "unpack the bundle again: tar -xf FILE"
CHUNK = 1 << 20


def of(requirements: Path) -> list[Path] | None:
    """The wheels of a requirements file for this Python, each with the right SHA-256; None if it has none here.

    :raises Failed: there are wheels, but none for this machine or Python, or one of them is damaged.
    """
    said = _index(requirements)
    if said is None:
        return None
    paths = [requirements.parent / FOLDER / name for name in _chosen(said, requirements)]
    for path in paths:
        if not path.is_file() or _sha256(path) != said["files"].get(path.name):
            raise Failed(f"{path} is {'damaged' if path.is_file() else 'missing'}", _AGAIN)
    return paths


def exist(requirements: Path) -> bool:
    """Whether wheels came along for this requirements file."""
    return _index(requirements) is not None


def misfit(requirements: Path) -> Failed | None:
    """The error if there are wheels, but none for this machine or Python."""
    try:
        said = _index(requirements)
        if said is not None:
            _chosen(said, requirements)
    except Failed as error:
        return error
    return None


def program(wheel: Path, name: str, folder: Path) -> Path:
    """Unpacks a program from its wheel."""
    with ZipFile(wheel) as packed:
        inside = next(one for one in packed.namelist() if one.endswith(f".data/scripts/{name}"))
        path = folder / name
        path.write_bytes(packed.read(inside))
    path.chmod(0o755)
    return path


def here() -> tuple[str, str, str]:
    """This system, machine and Python, as in ``("Linux", "x86_64", "3.12")``; what no wheel is for is named apart."""
    system, machine = platform.system(), platform.machine()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if system == "Linux" and not _has_glibc():
        system = "Linux without glibc"
    if sys.maxsize < 1 << 32:
        machine += " (32 bits)"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        version += "t"
    if sys.implementation.name != "cpython":
        version += f" ({sys.implementation.name})"
    return system, machine, version


def _has_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (AttributeError, OSError, ValueError):
        return False


def _index(requirements: Path) -> Mapping[str, Any] | None:
    """The list of the wheels; None if no wheels came along for this requirements file."""
    path = requirements.parent / FOLDER / INDEX
    try:
        said = json.loads(path.read_text("utf-8"))
        if said["format"] != FORMAT:
            raise ValueError
        return said if requirements.name in said["requirements"] else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise Failed(f"{path} cannot be read", _AGAIN) from None


def _chosen(said: Mapping[str, Any], requirements: Path) -> Sequence[str]:
    """The names of the wheels for this machine and Python."""
    if _sha256(requirements) != said["requirements"][requirements.name]:
        raise Failed(
            f"{requirements.name} is not the one that the folder {FOLDER} was made for",
            f"unpack the bundle again, or remove {requirements.parent / FOLDER} to ask the package index",
        )
    sets = [one for one in said["sets"] if requirements.name in one]
    system, machine, python = here()
    same = [one for one in sets if (one["system"], one["machine"]) == (system, machine)]
    for one in same:
        if one["python"] == python:
            return one[requirements.name]
    hint = "fab bundle --operator PLATFORM makes a bundle for other machines"
    if same:
        hint = "put one of these Pythons first in PATH, or install one from your system's packages"
    raise Failed(
        f"this bundle is for {for_whom(sets)}; this is {system} {machine} with Python {python}", hint
    )


def for_whom(sets: Sequence[Mapping[str, Any]]) -> str:
    """The platforms with their Pythons, as in ``linux-64 with Python 3.10-3.14``."""
    pythons: dict[str, list[str]] = {}
    for one in sets:
        pythons.setdefault(one["platform"], []).append(one["python"])
    return " and ".join(f"{name} with Python {range_of(those)}" for name, those in pythons.items())


def range_of(versions: Sequence[str]) -> str:
    """``3.10-3.14`` if no minor version is left out; else all of them."""
    minors = sorted(int(version.partition(".")[2]) for version in versions)
    if len(minors) > 1 and minors == list(range(minors[0], minors[-1] + 1)):
        return f"3.{minors[0]}-3.{minors[-1]}"
    return ", ".join(f"3.{minor}" for minor in minors)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            digest.update(data)
    return digest.hexdigest()
