"""Conda packages as conda-build makes them: both formats, with every file's SHA-256 and the places of its prefix."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

# as long as the real one: an installer puts a shorter prefix in its place
PLACEHOLDER = ("/opt/standin_" + "placehold_" * 30)[:255]
BUILT = 1_700_000_000  # seconds; the same content makes the same file


@dataclass(frozen=True)
class Package:
    """What a package says of itself. subdir: linux-64 or noarch; entry_points: `name = module:function`, of noarch."""

    name: str
    version: str
    depends: Sequence[str] = ()
    subdir: str = "linux-64"
    entry_points: Sequence[str] = ()
    build: str = "standin_0"

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"

    def index(self) -> dict[str, Any]:
        own = {"arch": "x86_64", "platform": "linux"} if self.subdir != "noarch" else {"noarch": "python"}
        return {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
            "timestamp": BUILT * 1000,
            **own,
        }


def write(tree: Path, channel: Path, package: Package, *, prefix: str = "", old: bool = False) -> Path:
    """Pack a folder for a channel.

    prefix: where the folder's texts believe to be installed; old: as `.tar.bz2`, the format before `.conda`.
    """
    entries = [
        _entry(tree, path, prefix) for path in sorted(tree.rglob("*")) if path.is_symlink() or path.is_file()
    ]
    info = _info(package, entries)
    files = _tar(
        {name: _content(tree / name, prefix) for name in sorted(entry["_path"] for entry in entries)}
    )
    folder = channel / package.subdir
    folder.mkdir(parents=True, exist_ok=True)
    if old:
        return _old(folder / f"{package.stem}.tar.bz2", info, files)
    target = folder / f"{package.stem}.conda"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{package.stem}.tar.zst", _zst(files)),
            (f"info-{package.stem}.tar.zst", _zst(_tar(info))),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2023, 11, 14, 0, 0, 0)), data)
    return target


def _old(target: Path, info: Mapping[str, _Content], files: bytes) -> Path:
    with tarfile.open(fileobj=io.BytesIO(files)) as inside, tarfile.open(target, "w:bz2") as out:
        with tarfile.open(fileobj=io.BytesIO(_tar(info))) as first:
            for tar in (first, inside):
                for member in tar.getmembers():
                    out.addfile(member, tar.extractfile(member) if member.isfile() else None)
    return target


def _zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=9, threads=-1).compress(data)


@dataclass(frozen=True)
class _Content:
    """One member of an archive: bytes, or where a link leads."""

    data: bytes = b""
    mode: int = 0o644
    link: str = ""


def _content(path: Path, prefix: str) -> _Content:
    if path.is_symlink():
        return _Content(link=str(path.readlink()))
    data = path.read_bytes()
    if _is_text(data, prefix):
        data = data.replace(prefix.encode(), PLACEHOLDER.encode())
    return _Content(data, path.stat().st_mode & 0o777)


def _is_text(data: bytes, prefix: str) -> bool:
    """Whether the prefix has to be put in at installation."""
    return bool(prefix) and prefix.encode() in data and b"\0" not in data


def _entry(tree: Path, path: Path, prefix: str) -> dict[str, Any]:
    seen = _content(path.resolve() if path.is_symlink() else path, prefix)
    entry = {
        "_path": path.relative_to(tree).as_posix(),
        "path_type": "softlink" if path.is_symlink() else "hardlink",
        "sha256": hashlib.sha256(seen.data).hexdigest(),
        "size_in_bytes": len(seen.data),
    }
    if not path.is_symlink() and _is_text(path.read_bytes(), prefix):
        entry |= {"file_mode": "text", "prefix_placeholder": PLACEHOLDER}
    return entry


def _info(package: Package, entries: Sequence[Mapping[str, Any]]) -> dict[str, _Content]:
    texts = {
        "info/index.json": json.dumps(package.index(), indent=2),
        "info/paths.json": json.dumps({"paths": list(entries), "paths_version": 1}, indent=2),
        "info/files": "".join(f"{entry['_path']}\n" for entry in entries),
        "info/about.json": json.dumps({"summary": f"a stand-in for conda's package {package.name}"}),
    }
    places = [entry["_path"] for entry in entries if "prefix_placeholder" in entry]
    if places:
        texts["info/has_prefix"] = "".join(f'"{PLACEHOLDER}" text "{path}"\n' for path in places)
    if package.subdir == "noarch":
        noarch = {"type": "python", "entry_points": list(package.entry_points)}
        texts["info/link.json"] = json.dumps({"noarch": noarch, "package_metadata_version": 1})
    return {name: _Content(text.encode()) for name, text in sorted(texts.items())}


def _tar(members: Mapping[str, _Content]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.mtime, entry.mode = BUILT, content.mode
            if content.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, content.link
            entry.size = len(content.data)
            tar.addfile(entry, io.BytesIO(content.data))
    return out.getvalue()
