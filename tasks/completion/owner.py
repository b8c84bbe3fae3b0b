"""Whose tasks a typed line means: those of this checkout, of another one, or of another project's fabfile."""

from __future__ import annotations

import os
import sys
from collections import namedtuple

# the checkout at `top`, or Fabric's own `program` for a fabfile that is not ours
Owner = namedtuple("Owner", "top program")


def find(word: str, folder: str, top: str) -> Owner | None:
    """The owner of a line that begins with `word`, typed in `folder`; None: another program.

    :param top: the checkout whose script asks; it owns a bare name that no other owns.
    """
    if "/" in word:
        there = _beside(os.path.join(folder, os.path.expanduser(word)))
        return Owner(there, "") if there == top or is_checkout(there) else None
    program = which(word)
    if program is None:
        return Owner(top, "")
    there = _beside(program)
    if is_checkout(there):
        return Owner(there, "")
    fabfile = _fabfile(folder) if word == "fab" else None
    if fabfile is None or os.path.dirname(fabfile) == top:
        return Owner(top, "")
    if is_checkout(os.path.dirname(fabfile)):
        return Owner(os.path.dirname(fabfile), "")
    return Owner("", program) if trusted(fabfile) else None


def is_checkout(top: str) -> bool:
    """Whether it is a checkout of this project that is safe to run at a TAB: nobody else can write there."""
    return all(
        trusted(path)
        for path in (top, os.path.join(top, "fabfile.py"), os.path.dirname(fast(top)), fast(top))
    )


def trusted(path: str) -> bool:
    """Whether a file belongs to this user or to root, and no other user can change it."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return found.st_uid in (0, os.getuid()) and not found.st_mode & 0o002


def user_folder(top: str, folder: str) -> str:
    """Where the user's hosts file and own tasks are: the checkout `top`; of an installed program, `folder`.

    The same rule as tasks/environment/home.py. A folder that others can write to counts as empty: `top` is returned.
    """
    if os.path.isfile(os.path.join(top, "fab")):
        return top
    own = [
        os.path.join(folder, *parts) for parts in (["my_tasks.py"], ["my_tasks"], ["my_tasks", "__init__.py"])
    ]
    return folder if all(trusted(path) for path in (folder, *filter(os.path.lexists, own))) else top


def fast(top: str) -> str:
    return os.path.join(top, "tasks", "completion", "fast.py")


def python(top: str) -> str:
    """The Python of a checkout's own environment, or the one that runs here."""
    own = os.path.join(top, ".venv", "bin", "python")
    return own if trusted(own) and os.access(own, os.X_OK) else sys.executable


def which(name: str) -> str | None:
    """The program that a shell would start; shutil.which does this, but takes 10 ms to import."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _beside(program: str) -> str:
    return os.path.dirname(os.path.realpath(program))


def _fabfile(folder: str) -> str | None:
    """The fabfile that Fabric would load from this folder or one above: a module or a package."""
    folder = os.path.realpath(folder)
    while True:
        for name in ("fabfile.py", os.path.join("fabfile", "__init__.py")):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
