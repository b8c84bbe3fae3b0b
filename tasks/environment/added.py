"""Packages that only some tasks need, installed into a separate folder when such a task first runs."""

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
    """The folder for added packages: in the environment, or in the user's cache if Python belongs to the system."""
    prefix = Path(sys.prefix)
    if sys.prefix != sys.base_prefix and os.access(prefix, os.W_OK):
        return prefix
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rayfab"


def packages(name: str, say: Callable[[str], None]) -> Path:
    """The folder with the packages of ``requirements-NAME.txt``; it exists only if the installation is complete.

    :param say: called with the current step during the installation.
    :raises Failed: the installation failed; the error has the reason and a fix.
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
