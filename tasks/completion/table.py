"""The tasks and their flags as JSON in the user's cache, since importing them takes half a second.

When a source file has changed, collect.py makes the table again in a process of its own.
"""

from __future__ import annotations

import binascii
import json
import os
import stat
import sys

FORMAT = 1
SECONDS = 20.0


def get(top: str, own: str = "") -> dict:
    """The table of the checkout `top`; an old one if no new one can be made.

    :param own: the folder of the user's own tasks; default: `top`.
    :raises Exception: there is none, and none can be made.
    """
    own = own or top
    now = stamp(top, own)
    old = None
    for folder in folders():
        found = _read(os.path.join(folder, name(top, own)), top)
        if found and found["stamp"] == now:
            return found
        old = old or found
    try:
        return renew(top, own)
    except Exception:
        if old is None:
            raise
        return old


def renew(top: str, own: str = "") -> dict:
    """The table made by importing the tasks, and kept for the next time."""
    import subprocess  # takes as long to import as everything else that a TAB needs

    own = own or top
    before = stamp(top, own)
    said = subprocess.run(
        [sys.executable, os.path.join(top, "tasks", "completion", "collect.py")],
        cwd=own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
    )
    table = {"format": FORMAT, "top": top, "stamp": before, **json.loads(said.stdout)}
    for folder in folders():
        if _write(folder, name(top, own), json.dumps(table)):
            break
    return table


def stamp(top: str, own: str = "") -> str:
    """Changes when a source of the checkout or of the user's own tasks does, or the Python that runs here."""
    own = own or top
    found = [sys.executable, sys.version]
    sources = [os.path.join(top, "fabfile.py"), os.path.join(own, "my_tasks.py")]
    for base in (os.path.join(top, "tasks"), os.path.join(own, "my_tasks")):
        for folder, below, files in os.walk(base):
            below[:] = sorted(name for name in below if name != "__pycache__")
            sources += [os.path.join(folder, name) for name in sorted(files) if name.endswith(".py")]
    for path in sources:
        try:
            status = os.stat(path)
        except OSError:
            continue
        found.append(f"{path} {status.st_mtime_ns} {status.st_size}")
    return f"{binascii.crc32(chr(10).join(found).encode('utf-8', 'surrogateescape')):08x}"


def name(top: str, own: str = "") -> str:
    """The file name of a checkout's table; that of an installed program has the user's folder in it as well."""
    both = top if own in ("", top) else f"{top}\n{own}"
    return f"completion-{binascii.crc32(both.encode('utf-8', 'surrogateescape')):08x}.json"


def folders() -> list[str]:
    """Where the table may be, best first: the user's cache, or a private folder among the temporary files."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(cache):
        cache = os.path.join(os.path.expanduser("~"), ".cache")
    temporary = os.environ.get("TMPDIR") or "/tmp"
    return [os.path.join(cache, "rayfab"), os.path.join(temporary, f"rayfab-{os.getuid()}")]


def _read(path: str, top: str) -> dict | None:
    """The table in a file that only this user can write; None: there is none."""
    try:
        if not _private(os.path.dirname(path), stat.S_ISDIR) or not _private(path, stat.S_ISREG):
            return None
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return found if found["format"] == FORMAT and found["top"] == top else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(folder: str, name: str, text: str) -> bool:
    """Writes the file completely or not at all. :returns: whether it was written."""
    part = os.path.join(folder, f"{name}.{os.getpid()}")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not _private(folder, stat.S_ISDIR):
            return False
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, os.path.join(folder, name))
    except OSError:
        return False
    return True


def _private(path: str, kind) -> bool:
    """Whether it belongs to this user, is no link, and nobody else can write to it."""
    found = os.lstat(path)
    return kind(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
