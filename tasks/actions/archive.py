"""The file of `fab backup`: a .tar with a manifest of its members, each with its size and SHA-256. No network."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

FORMAT = 1
MANIFEST = "manifest.json"
HOSTS, TOKEN, LOCKS, STATE = "hosts.yml", "token", "locks", "state.tgz"
HISTORY, JOBS = "history.jsonl", "jobs.jsonl"
NAMED = "files/"
LIMIT = 1 << 32  # bytes of one member


class Broken(Exception):
    """The file is not a backup, or is damaged; the message says how."""


@dataclass(frozen=True)
class Archive:
    """The content of a backup.

    :param said: what its manifest says of it: ``cluster``, ``made`` and others.
    :param members: the content of each member, by name.
    :param paths: where the members below ``files/`` belong: relative to the hosts file, or absolute.
    """

    said: Mapping[str, Any]
    members: Mapping[str, bytes]
    paths: Mapping[str, str] = field(default_factory=dict)


def write(path: Path, archive: Archive) -> None:
    """Writes the file completely or not at all; only its owner can read it.

    :raises OSError: nothing was written.
    """
    sums = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in archive.members.items()
    }
    manifest = {**archive.said, "format": FORMAT, "files": sums, "paths": dict(archive.paths)}
    with written_whole(path) as file, tarfile.open(fileobj=file, mode="w") as tar:
        _add(tar, MANIFEST, json.dumps(manifest, indent=2, sort_keys=True).encode())
        for name, data in archive.members.items():
            _add(tar, name, data)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that is there completely at the end, or not at all; only its owner can read it."""
    handle, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o600)
        os.replace(temporary, path.resolve())
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))


def read(path: Path) -> Archive:
    """Reads and checks the whole file; nothing is unpacked.

    :raises Broken: something in it is not as it was written.
    :raises OSError: it cannot be read.
    """
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(path, mode="r:") as tar:
            for info in tar:
                _check_name(info.name)
                if not info.isfile() or info.size > LIMIT:
                    raise Broken(f"{info.name} is not a plain file")
                if info.name in members:
                    raise Broken(f"{info.name} is in it twice")
                members[info.name] = tar.extractfile(info).read()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Broken(f"it is not a whole .tar file: {error}") from None
    manifest = _manifest(members.pop(MANIFEST, None))
    sums = manifest["files"]
    for name, data in members.items():
        if name not in sums:
            raise Broken(f"{name} is not in its manifest")
        if hashlib.sha256(data).hexdigest() != sums[name].get("sha256"):
            raise Broken(f"{name} differs from its SHA-256")
    if missing := [name for name in sums if name not in members]:
        raise Broken(f"{missing[0]} is missing")
    if HOSTS not in members:
        raise Broken("it has no hosts file")
    paths = manifest["paths"]
    for name in members:
        if name.startswith(NAMED):
            _check_path(name, paths.get(name))
        elif name not in (HOSTS, TOKEN, LOCKS, STATE, HISTORY, JOBS):
            raise Broken(f"{name} is of no known kind")
    return Archive(manifest, members, {name: paths[name] for name in members if name in paths})


def _manifest(data: bytes | None) -> dict[str, Any]:
    if data is None:
        raise Broken(f"it has no {MANIFEST}: this is no file of fab backup")
    try:
        found = json.loads(data)
    except ValueError:
        raise Broken(f"its {MANIFEST} is not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("format"), int):
        raise Broken(f"its {MANIFEST} names no format")
    if found["format"] != FORMAT:
        raise Broken(f"its format is {found['format']}, and this program reads {FORMAT}")
    files, paths = found.get("files"), found.get("paths")
    right = isinstance(files, dict) and all(isinstance(one, dict) for one in files.values())
    if not right or not isinstance(paths, dict):
        raise Broken(f"its {MANIFEST} is not complete")
    return found


def _check_name(name: str) -> None:
    if name.startswith("/") or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise Broken(f"a member is named {name!r}, which leads out of the file")


def _check_path(name: str, path: object) -> None:
    if not isinstance(path, str) or not path or "\0" in path:
        raise Broken(f"its {MANIFEST} does not say where {name} belongs")
    if ".." in PurePosixPath(path).parts:
        raise Broken(f"{name} belongs to {path!r}, which leads out of the folder of the hosts file")
