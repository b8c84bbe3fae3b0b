"""A small conda channel of packages that hold next to nothing; rattler makes its index."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import warnings
from collections.abc import Sequence
from pathlib import Path


def package(
    folder: Path, name: str, version: str, subdir: str = "linux-64", depends: Sequence[str] = ()
) -> None:
    """One package as `name-version-0.tar.bz2`, with a text file in it."""
    build = "0"
    index = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": list(depends),
        "subdir": subdir,
        "arch": None if subdir == "noarch" else "x86_64",
        "platform": None if subdir == "noarch" else "linux",
        **({"noarch": "generic"} if subdir == "noarch" else {}),
    }
    content = f"{name} {version}\n".encode()
    path = f"share/{name}.txt"
    paths = {
        "paths_version": 1,
        "paths": [{"_path": path, "path_type": "hardlink", "size_in_bytes": len(content)}],
    }
    place = folder / subdir
    place.mkdir(parents=True, exist_ok=True)
    with tarfile.open(place / f"{name}-{version}-{build}.tar.bz2", "w:bz2") as tar:
        for member, data in (
            ("info/index.json", json.dumps(index).encode()),
            ("info/paths.json", json.dumps(paths).encode()),
            ("info/files", path.encode()),
            (path, content),
        ):
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def make(folder: Path, pythons: Sequence[str], subdir: str = "linux-64") -> str:
    """A channel with these Pythons and pip; its URL."""
    from rattler.index import index_fs

    for version in pythons:
        package(folder, "python", version, subdir, depends=["small"])
    package(folder, "small", "1.0", subdir)
    package(folder, "pip", "24.0", "noarch", depends=["python"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asyncio.run(index_fs(folder))
    return folder.resolve().as_uri()
