"""Create, update or repair the environment that ``./fab`` runs in."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tasks.environment import Failed, bundled, wheels
from tasks.environment.installer import Installer
from tasks.environment.lock import NAME as LOCK
from tasks.environment.lock import locked
from tasks.environment.progress import Progress

READY = ".ready"
# Kept when the environment is replaced: the lock that is held, and large downloads.
KEPT = {LOCK, "download-cache", "uv-cache", "added"}

LOADED = "fabric, pydantic, rich.live, rich.table, yaml, uv"


def make(venv: Path, requirements: Path, stamp: str) -> str:
    """Make the environment complete. Its file ``.ready``, which contains ``stamp``, is written last.

    :returns: a message about what was done; empty if another run did it.
    :raises Failed: with the reason and a fix.
    """
    if error := wheels.misfit(requirements):
        raise error
    with explained(venv), Progress("first use, making the environment") as progress:
        venv.mkdir(parents=True, exist_ok=True)
        with locked(venv, lambda: progress.say("waiting for another run to make it")):
            line = f"{stamp} {venv}"
            before = _read(venv / READY)
            if before == line and runs(venv):
                return ""
            # wheels that came along are for this Python, which may not be that of an older environment
            whole = before.endswith(f" {venv}") and runs(venv, alike=wheels.exist(requirements))
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
    """Install the packages into an existing environment."""

    def say(text: str) -> None:
        progress.say(f"2 of 3, {text}")

    say("choosing packages")
    Installer(venv / "bin/python", scratch, log, say).install(requirements)


def runs(venv: Path, *, alike: bool = False) -> bool:
    """Whether its Python still exists and is new enough.

    :param alike: it must also have the same minor version as this Python.
    """
    check = "import sys; sys.exit(sys.version_info < (3, 10))"
    if alike:
        check = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        return not subprocess.run([venv / "bin/python", "-I", "-c", check], capture_output=True).returncode
    except OSError:
        return False


def create(venv: Path, progress: Progress) -> None:
    """Create an empty environment, replacing an existing one."""
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
    """Check the environment by importing what every command needs; this also compiles those modules."""
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
    """The path of this Python outside any environment, with the version in its name.

    After a system upgrade ``python3`` may be a different version, which would not find the installed modules.
    """
    base = getattr(sys, "_base_executable", None) or sys.executable
    named = os.path.join(os.path.dirname(base), f"python{sys.version_info[0]}.{sys.version_info[1]}")
    with contextlib.suppress(OSError):
        if os.path.samefile(base, named):
            return named
    return base


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn errors of the file system into one sentence and a fix."""
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
