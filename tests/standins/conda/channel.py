"""A stand-in for Anaconda's channels: real packages of real Pythons, and an index made by rattler.

The Pythons are this machine's (pyenv's), with the libraries that they need in a package of their own; pip and its like
come from PyPI. What needs no Python of conda's is left out.
"""

from __future__ import annotations

import asyncio
import configparser
import shutil
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.testbed.engine import LabError, command

from . import cpython
from .package import Package, write

PYTHONS = ("3.7", "3.8", "3.11")
# the last of each that Anaconda's channels have for Python 3.7, and that the community's has
TOOLS = {"pip": "22.3.1", "setuptools": "65.6.3", "wheel": "0.38.4"}
TOOLS_OF_FORGE = {"pip": "24.0", "setuptools": "68.0.0", "wheel": "0.42.0"}
LIBRARIES = Package("standin-libs", "12.0")
# those of the real channels say so, too
GLIBC = "__glibc >=2.17,<3.0.a0"


def build(channel: Path, pythons: Sequence[Path]) -> None:
    """Make a channel of these CPythons in an empty folder; raises LabError."""
    with tempfile.TemporaryDirectory(prefix="rayfab-channel-") as folder:
        work = Path(folder)
        trees = []
        for source in pythons:
            tree = work / source.name
            cpython.copy(source, tree)
            trees.append(tree)
        libraries = work / "libraries"
        cpython.put_libraries(cpython.libraries(trees), libraries / "lib")
        write(libraries, channel, LIBRARIES)
        for source, tree in zip(pythons, trees, strict=True):
            write(tree, channel, python(source.name), prefix=str(source))
    add_tools(channel, TOOLS)


def add_tools(channel: Path, tools: Mapping[str, str]) -> None:
    """Put these versions of pip and its like, in place of others, into a channel, and make its index."""
    shutil.rmtree(channel / "noarch", ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="rayfab-channel-") as folder:
        for name, version in tools.items():
            tree = Path(folder, name)
            entry_points = _from_pypi(name, version, tree)
            depends = ["python >=3.7", *([] if name != "pip" else ["setuptools", "wheel"])]
            # one of them in the format that was usual before
            write(tree, channel, Package(name, version, depends, "noarch", entry_points), old=name == "wheel")
    index(channel)


def python(version: str) -> Package:
    return Package("python", version, [GLIBC, f"{LIBRARIES.name} {LIBRARIES.version}.*"])


def index(channel: Path) -> None:
    """Make the channel's repodata.json and its other forms, also for an empty one."""
    from rattler.index import index_fs

    for subdir in ("linux-64", "noarch"):
        (channel / subdir).mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asyncio.run(index_fs(channel, force=True))


def _from_pypi(name: str, version: str, tree: Path) -> list[str]:
    """Lay a wheel out as a noarch package has it; returns the commands that it brings."""
    target = tree / "site-packages"
    _pip_install(target, f"{name}=={version}")
    shutil.rmtree(target / "bin", ignore_errors=True)
    config = configparser.ConfigParser(delimiters=("=",))
    config.optionxform = str  # type: ignore[assignment]
    config.read(target / f"{name}-{version}.dist-info/entry_points.txt")
    if not config.has_section("console_scripts"):
        return []
    return [f"{command} = {call}" for command, call in config["console_scripts"].items()]


def _pip_install(target: Path, requirement: str) -> None:
    """Lay one wheel out in a folder, from wherever this machine's pip finds it. Raises LabError."""
    argv = [
        sys.executable,
        "-m",
        "pip",
        "-q",
        "--disable-pip-version-check",
        "install",
        "--no-deps",
        "--no-compile",
    ]
    done = command([*argv, "--only-binary", ":all:", "--target", str(target), requirement])
    if done.returncode != 0:
        raise LabError(f"{requirement} cannot be downloaded from PyPI: {done.stderr.strip()}")
