"""Real condas, from the index of Python packages: conda-lock's wheels carry conda's own source, under another name.

The Python below them is this machine's (pyenv's), what they import comes from the index. Their shell functions for
`conda activate` are not in these wheels; a short one stands in for them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from tasks.testbed.engine import LAB_DIR, LabError, command, lock

from . import cpython

# the version of conda -> that of the conda-lock which carries it
CARRIERS = {"24.7.1": "4.0.3", "22.9.0": "2.5.8"}
NEEDS = (
    "archspec boltons conda-package-handling distro jsonpatch packaging platformdirs pluggy pycosat requests "
)
NEEDS += "ruamel.yaml<0.18 toolz tqdm zstandard"
PROGRAM = """#!/bin/sh
'''exec' "$(dirname "$(readlink -f "$0")")/python3" "$0" "$@"
' '''
import sys
if __name__ == "__main__":
    from conda.cli import main
    sys.exit(main())
"""
ACTIVATE = """
conda() {
    case "$1" in activate | deactivate) eval "$("$CONDA_EXE" shell.posix "$@")" ;; *) "$CONDA_EXE" "$@" ;; esac
}
"""


def base(version: str) -> Path:
    """The base environment of a conda, which runs wherever it is copied to; built once. Raises LabError."""
    carrier = CARRIERS[version]
    place = LAB_DIR / "conda-real" / f"{version}-1"
    with lock("conda-real"):
        if not place.exists():
            work = place.with_suffix(".part")
            shutil.rmtree(work, ignore_errors=True)
            _build(work, carrier)
            work.rename(place)
    return place


def copy(version: str, target: Path) -> Path:
    """A conda of one's own in a folder; its program."""
    shutil.copytree(base(version), target, symlinks=True)
    return target / "bin/conda"


def _build(target: Path, carrier: str) -> None:
    cpython.copy(cpython.find("3.11"), target)
    cpython.put_libraries(cpython.libraries([target]), target / "lib")
    packages = target / "lib/python3.11/site-packages"
    _pip("--python", str(target / "bin/python3"), "install", "--no-compile", *NEEDS.split())
    with tempfile.TemporaryDirectory(prefix="rayfab-conda-") as folder:
        _pip("download", "--no-deps", "--dest", folder, f"conda-lock=={carrier}")
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            wheel.extractall(folder)
        shutil.move(Path(folder, "conda_lock/_vendor/conda"), packages / "conda")
    for file in (packages / "conda").rglob("*.py"):
        text = file.read_text("utf-8")
        own = text.replace("from conda_lock._vendor import conda", "import conda")
        own = own.replace("conda_lock._vendor.conda", "conda")
        if own != text:
            file.write_text(own, "utf-8")
    for path, text, mode in (
        ("bin/conda", PROGRAM, 0o755),
        ("etc/profile.d/conda.sh", ACTIVATE, 0o644),
        ("conda-meta/history", "", 0o644),
    ):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text)
        (target / path).chmod(mode)
    (target / "envs").mkdir()


def _pip(*arguments: str) -> None:
    done = command([sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *arguments])
    if done.returncode != 0:
        raise LabError(f"a real conda cannot be had from the index: {done.stderr.strip()[-500:]}")
