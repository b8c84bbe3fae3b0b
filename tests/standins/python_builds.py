"""A stand-in for a mirror of python-build-standalone, which keeps its newest release only, as those in China do.

What it serves are real CPythons (pyenv's), packed as that project packs them: one folder `python/`, which runs wherever
it is put, in files of the same names. The release has a date that no uv knows, since uv refuses any other build under
the name of one that it does know; the sums are in SHA256SUMS beside them.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tasks.testbed.engine import LAB_DIR, Say, lock
from tasks.testbed.host import LabHost

from .conda import cpython, mirror

MINORS = ("3.11", "3.12")
RELEASE = "20990101"
TOP = "python-build-standalone"
PORT = 8089


def name(version: str) -> str:
    """The file of a build for Linux on x86."""
    return f"cpython-{version}+{RELEASE}-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"


def versions() -> list[str]:
    """The full versions that it has. Raises LabError."""
    return [cpython.find(minor).name for minor in MINORS]


def tree(say: Say = print) -> Path:
    """The folder that a mirror serves, built once and kept below the lab's own folder. Raises LabError."""
    pythons = [cpython.find(minor) for minor in MINORS]
    made_of = [Path(__file__).read_bytes(), Path(cpython.__file__).read_bytes()]
    made_of += [f"{p} {(p / 'bin/python3').stat().st_mtime}".encode() for p in pythons]
    place = LAB_DIR / "python-builds" / hashlib.sha256(b"\0".join(made_of)).hexdigest()[:12]
    with lock("python-builds"):
        if not place.exists():
            say("building the stand-in for python-build-standalone (half a minute, once)")
            shutil.rmtree(place.parent, ignore_errors=True)
            work = place.with_suffix(".part")
            release = work / TOP / RELEASE
            release.mkdir(parents=True)
            for source in pythons:
                pack(source, release / name(source.name))
            sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in release.iterdir()]
            (release / "SHA256SUMS").write_text("".join(sorted(sums)))
            work.rename(place)
    return place


def pack(source: Path, target: Path) -> None:
    """Make the file of a build from an installed CPython. Raises LabError."""
    with tempfile.TemporaryDirectory(prefix="rayfab-python-") as folder:
        top = Path(folder, "python")
        cpython.copy(source, top)
        cpython.put_libraries(cpython.libraries([top]), top / "lib")
        with tarfile.open(target, "w:gz", compresslevel=1) as tar:
            tar.add(top, "python")


class PythonMirror(mirror.Served):
    """`url` is for `mirrors.python`; paths are such as `/python-build-standalone/20990101/SHA256SUMS`."""

    top = TOP

    @staticmethod
    def path(version: str) -> str:
        """A build's path, as it is counted."""
        return f"/{TOP}/{RELEASE}/{name(version)}"


def on_host(host: LabHost, say: Say = print) -> PythonMirror:
    """Serve from a lab host of flavour python or docker. Raises LabError."""
    return mirror.served_on(host, PythonMirror, tree(say), "python-builds", PORT)


@contextlib.contextmanager
def here(folder: Path, say: Say = print) -> Iterator[PythonMirror]:
    """Serve from this machine; folder: an empty one for what is served, links to the files that are kept."""
    with mirror.served_here(folder, PythonMirror, tree(say), "127.0.0.1") as made:
        yield made
