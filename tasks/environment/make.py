"""Makes the environment that ``./fab`` runs in, brings it up to date, or repairs it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tasks.environment import Failed, bundled
from tasks.environment.installer import Installer
from tasks.environment.lock import NAME as LOCK
from tasks.environment.lock import locked
from tasks.environment.progress import Progress

READY = ".ready"
# What a new environment has as well: the lock that is held, and downloads of gigabytes.
KEPT = {LOCK, "download-cache", "uv-cache", "added"}

LOADED = "fabric, pydantic, rich.live, rich.table, yaml, uv"


def make(venv: Path, requirements: Path, stamp: str) -> str:
    """An environment whose file ``.ready`` holds ``stamp``; it is written last.

    :returns: what was done, or nothing if another run has done it.
    :raises Failed: the reason and a way out.
    """
    with explained(venv), Progress("first use, making the environment") as progress:
        venv.mkdir(parents=True, exist_ok=True)
        with locked(venv, lambda: progress.say("waiting for another run to make it")):
            line = f"{stamp} {venv}"
            before = _read(venv / READY)
            if before == line and runs(venv):
                return ""
            whole = before.endswith(f" {venv}") and runs(venv)
            (venv / READY).unlink(missing_ok=True)
            log = venv / "pip.log"
            log.unlink(missing_ok=True)
            if not whole:
                create(venv, progress)
            scratch = venv / "tmp"
            scratch.mkdir(exist_ok=True)
            install(venv, requirements, scratch, log, progress)
            shutil.rmtree(scratch, ignore_errors=True)
            progress.say("3 of 3, trying it")
            load(venv)
            new = venv / f"{READY}.new"
            new.write_text(f"{line}\n", "utf-8")
            new.replace(venv / READY)
        count = len(list(bundled.site_packages(venv).glob("*.dist-info")))
        return f"the environment is in {venv}: {count} packages, {progress.seconds:.0f} s"


def install(venv: Path, requirements: Path, scratch: Path, log: Path, progress: Progress) -> None:
    """The packages, into an environment that is there."""

    def say(text: str) -> None:
        progress.say(f"2 of 3, {text}")

    say("choosing packages")
    Installer(venv / "bin/python", scratch, log, say).install(requirements)


def runs(venv: Path) -> bool:
    """Whether its Python is still there, and new enough."""
    check = "import sys; sys.exit(sys.version_info < (3, 10))"
    try:
        return not subprocess.run([venv / "bin/python", "-I", "-c", check], capture_output=True).returncode
    except OSError:
        return False


def create(venv: Path, progress: Progress) -> None:
    """An empty environment in the place of whatever is there."""
    progress.say("1 of 3, an empty environment")
    for child in venv.iterdir():
        if child.name in KEPT:
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
    done = subprocess.run(
        [base_python(), "-I", "-m", "venv", "--without-pip", str(venv)], capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it printed no error").splitlines()[-1]
        raise Failed(
            f"{base_python()} cannot make an environment: {last}", "try another Python: put it first in PATH"
        )
    if source := bundled.find():
        bundled.put(source, bundled.site_packages(venv))


def load(venv: Path) -> None:
    """Imports what every command needs: that proves it, and compiles as little as possible."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [venv / "bin/python", "-c", f"import {LOADED}"], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        last = (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
        raise Failed(
            f"the packages are installed but do not work: {last}",
            "try another Python: put it first in PATH, then run the same command again",
        )


def base_python() -> str:
    """This Python outside any environment, by its name with the version.

    ``python3`` may be another version after an upgrade of the system, in which no module would be found.
    """
    base = getattr(sys, "_base_executable", None) or sys.executable
    named = os.path.join(os.path.dirname(base), f"python{sys.version_info[0]}.{sys.version_info[1]}")
    with contextlib.suppress(OSError):
        if os.path.samefile(base, named):
            return named
    return base


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Errors of the file system as one sentence and a way out."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        hint = "check who owns it; the same command then repairs it"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "free about 200 MB there, then run the same command again"
        elif error.errno == errno.EROFS or folder.name != ".venv":
            hint = "choose a writable folder: export XDG_CACHE_HOME=/a/folder"
        raise Failed(f"{where}: {error.strerror or error}", hint) from None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
