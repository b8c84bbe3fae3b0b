"""What this program is: its version, where it runs from, and the packages that it is built on."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tasks.commandline.version import VERSION
from tasks.environment.home import TOP, in_checkout
from tasks.inventory.ray_versions import NEWEST_FOR_PYTHON
from tasks.report.console import Console

FORMAT = 1  # of the JSON
PACKAGES = ("fabric", "invoke", "paramiko", "cryptography", "pydantic", "rich", "PyYAML", "uv")
_COMMIT_SECONDS = 5


def show(*, as_json: bool) -> None:
    """Prints the versions, one a line or as one JSON object."""
    found = everything()
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    console = Console()
    console.raw(f"rayfab {found['version']}")
    commit = found["commit"]
    console.table(
        ("what", "version", "where"),
        [
            *([("commit", commit["id"], "changed since" if commit["changed"] else "")] if commit else []),
            ("Python", found["python"], found["executable"]),
            ("system", found["system"], found["folder"]),
            ("Ray", "the newest", "that all hosts can have; ray.version names another"),
            *((f"Ray on Python {python}", ray, "") for python, ray in found["ray"]["by_python"].items()),
            *((name, said or "missing", "") for name, said in found["packages"].items()),
        ],
    )


def everything() -> dict[str, Any]:
    """The shape of ``fab version --json``.

    ``commit`` is None unless this runs from a checkout, ``ray.default`` None: the newest that all hosts can have.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "commit": commit() if in_checkout() else None,
        "folder": str(TOP),
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": f"{platform.system()} {platform.machine()}",
        "ray": {
            "default": None,
            "by_python": {f"{major}.{minor}": ray for (major, minor), ray in NEWEST_FOR_PYTHON.items()},
        },
        "packages": {name: _version(name) for name in PACKAGES},
    }


def commit() -> dict[str, Any] | None:
    """The commit of the checkout, and whether files have changed since; None if git does not know one here."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(TOP), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=_COMMIT_SECONDS,
        )
        return done.stdout.strip()

    try:
        # a folder inside somebody else's repository is no checkout of this one
        if git("rev-parse", "--show-prefix"):
            return None
        found = git("rev-parse", "--short=12", "HEAD")
        changed = bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"id": found, "changed": changed} if re.fullmatch("[0-9a-f]{7,40}", found) else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
