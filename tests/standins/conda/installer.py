"""A stand-in for Miniconda's installer: a shell script with a real Python, rattler and a `conda` over it behind it."""

from __future__ import annotations

import gzip
import importlib.metadata
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from tasks.testbed.engine import LabError

from . import cpython

HERE = Path(__file__).parent
MINOR = "3.11"  # of the base environment
VERSION = f"py{MINOR.replace('.', '')}_0.0-standin"
NAME = f"Miniconda3-{VERSION}-Linux-x86_64.sh"
BUILT = 1_700_000_000


def build(folder: Path) -> Path:
    """Write the installer into a folder, and `latest` beside it; raises LabError."""
    with tempfile.TemporaryDirectory(prefix="rayfab-installer-") as work:
        base = Path(work) / "base"
        _base(base)
        payload = Path(work) / "payload.tar.gz"
        with payload.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=BUILT) as packed:
            with tarfile.open(fileobj=packed, mode="w") as tar:
                tar.add(base, ".", filter=_plain)
        head = (HERE / "installer.sh").read_text()
        # the oldest that these binaries, made here, are known to run with
        glibc = os.confstr("CS_GNU_LIBC_VERSION").rpartition(" ")[2]
        lines = str(head.count("\n") + 1)
        for name, value in {"VERSION": VERSION, "GLIBC": glibc, "LINES": lines}.items():
            head = head.replace(f"@{name}@", value)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / NAME
        with target.open("wb") as out, payload.open("rb") as data:
            out.write(head.encode())
            shutil.copyfileobj(data, out)
        target.chmod(0o755)
    latest = folder / "Miniconda3-latest-Linux-x86_64.sh"
    latest.unlink(missing_ok=True)
    os.link(target, latest)
    return target


def _base(base: Path) -> None:
    """The tree that the installer unpacks; nothing in it says where it lies."""
    cpython.copy(cpython.find(MINOR), base)
    cpython.put_libraries(cpython.libraries([base]), base / "lib")
    packages = base / f"lib/python{MINOR}/site-packages"
    _rattler(packages)
    shutil.copytree(
        HERE / "command", packages / "standin_conda", ignore=shutil.ignore_patterns("__pycache__")
    )


def _rattler(packages: Path) -> None:
    """That of this environment: it is made for every Python from 3.10 on."""
    try:
        found = importlib.metadata.distribution("py-rattler").files or []
    except importlib.metadata.PackageNotFoundError:
        raise LabError("py-rattler is missing: pip install -r requirements.txt") from None
    for file in found:
        if "__pycache__" not in file.parts and ".." not in file.parts:
            (packages / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), packages / file)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same content makes the same archive."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = BUILT
    return entry
