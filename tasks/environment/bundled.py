"""A pip for the installation, taken from this Python directly: ensurepip would take seconds and megabytes."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path

# where Debian and Fedora keep the wheels that ensurepip installs
SYSTEMS = ("/usr/share/python-wheels", "/usr/share/python3-wheels")


def find() -> Path | None:
    """The pip wheel that ensurepip would install, or the folder of this Python's own pip."""
    folders = [Path(p) for p in (sysconfig.get_config_var("WHEEL_PKG_DIR"),) if p]
    if spec := importlib.util.find_spec("ensurepip"):
        folders.insert(0, Path(str(spec.origin)).with_name("_bundled"))
    for folder in [*folders, *map(Path, SYSTEMS)]:
        if wheels := sorted(folder.glob("pip-*.whl")):
            return wheels[-1]
    spec = importlib.util.find_spec("pip")
    return Path(spec.origin).parent if spec and spec.origin else None


def put(source: Path, folder: Path) -> None:
    """Unpack or copy pip, so that ``python -m pip`` works with ``folder`` on the module path."""
    if source.is_file():
        with zipfile.ZipFile(source) as wheel:
            wheel.extractall(folder)
        return
    leave = shutil.ignore_patterns("__pycache__")
    for part in (source, *source.parent.glob("pip-*.dist-info")):
        shutil.copytree(part, folder / part.name, ignore=leave, dirs_exist_ok=True)


def site_packages(prefix: Path) -> Path:
    """The site-packages folder of the environment ``prefix``."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return next(prefix.glob("lib/python*/site-packages"), prefix / "lib" / version / "site-packages")
