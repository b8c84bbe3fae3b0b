"""Packages that only some tasks need: installed when the first of these tasks runs, in a folder of their own."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tasks.environment.home import TOP
from tasks.environment.installer import Installer
from tasks.environment.lock import locked
from tasks.environment.make import explained


def own_folder() -> Path:
    """Where this program keeps things: in its environment, else (a system's Python) in the user's cache."""
    prefix = Path(sys.prefix)
    if sys.prefix != sys.base_prefix and os.access(prefix, os.W_OK):
        return prefix
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rayfab"


def packages(name: str, say: Callable[[str], None]) -> Path:
    """The folder with what ``requirements-NAME.txt`` lists; it is whole or not there.

    :param say: what is being done, while it is installed.
    :raises Failed: it cannot be installed; the reason and a way out.
    """
    requirements = TOP / f"requirements-{name}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:8]
    parent = own_folder() / "added"
    place = parent / f"{name}-{digest}-{sys.implementation.cache_tag}"
    if place.is_dir():
        return place
    with explained(parent):
        parent.mkdir(parents=True, exist_ok=True)
        with locked(parent, lambda: say("waiting for another run to install it")):
            if place.is_dir():
                return place
            work = parent / "new"
            shutil.rmtree(work, ignore_errors=True)
            (work / "tmp").mkdir(parents=True)
            say("choosing packages")
            Installer(Path(sys.executable), work / "tmp", parent / "pip.log", say).install(
                requirements, work / name
            )
            (work / name).rename(place)
            for old in set(parent.glob(f"{name}-*")) - {place}:
                shutil.rmtree(old, ignore_errors=True)
            shutil.rmtree(work, ignore_errors=True)
    return place
