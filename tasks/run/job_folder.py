"""What a job takes along: whether its command names something here, and a folder packed as one compressed tar."""

from __future__ import annotations

import io
import os
import re
import shlex
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tasks.run.failures import Stop

LEFT_OUT = {".git", ".venv", "venv", "__pycache__", "node_modules", ".lab", ".pytest_cache", ".hypothesis"}
MOST_BYTES = 100 << 20
SHELL = re.compile(r"(.*/)?(ba|da|z|k|)sh\Z")
PYTHON = re.compile(r"(.*/)?python[\d.]*\Z")
# folders that every machine has, though not with the same content
COMMON = ("bin", "dev", "etc", "lib", "opt", "proc", "sbin", "snap", "sys", "tmp", "usr", "var")


def words(arguments: Sequence[str]) -> list[str]:
    """The words of a command: its arguments, and those of a line for a shell."""
    out = list(arguments)
    for at, one in enumerate(arguments[:-2]):
        if SHELL.match(one) and re.fullmatch("-[a-z]*c", arguments[at + 1]):
            lexer = shlex.shlex(arguments[at + 2], posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            try:
                out += list(lexer)
            except ValueError:
                # a line that only a shell can read
                out += re.split(r"[\s;&|<>()'\"]+", arguments[at + 2])
    return out


def named_here(arguments: Sequence[str], folder: Path) -> bool:
    """Whether a command names a file, a folder or a Python module in this folder."""
    found = words(arguments)
    for at, word in enumerate(found):
        if word == "-m" and any(PYTHON.match(one) for one in found[:at]):
            module = found[at + 1 : at + 2]
            if module and _module(folder, module[0]):
                return True
        path = word.partition("=")[2] if word.startswith("-") else word
        if path and not os.path.isabs(path) and path.strip("./") and _exists(folder / path):
            return True
    return False


def only_here(arguments: Sequence[str]) -> list[str]:
    """The absolute paths of a command that this machine has, outside of folders that every machine has."""
    found = [word for word in words(arguments) if os.path.isabs(word) and _exists(Path(word))]
    return [path for path in dict.fromkeys(found) if path.strip("/").partition("/")[0] not in ("", *COMMON)]


def _module(folder: Path, name: str) -> bool:
    place = folder.joinpath(*name.split("."))
    return _exists(place) or _exists(place.with_name(f"{place.name}.py"))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # an argument may be a whole program, which is too long for a file name
        return False


def pack(folder: Path) -> tuple[bytes, int]:
    """The folder as a compressed tar without files that no job needs, and how many files are in it.

    :raises Stop: it holds more than :data:`MOST_BYTES`, or cannot be read.
    """
    buffer = io.BytesIO()
    total = count = 0
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for path, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            for name in files:
                full = Path(path) / name
                if not full.is_file():
                    continue
                total += full.stat().st_size
                if total > MOST_BYTES:
                    raise Stop(
                        f"{folder} holds more than {MOST_BYTES >> 20} MiB",
                        "--working-dir FOLDER names one that contains only the job",
                    )
                try:
                    tar.add(full, arcname=str(full.relative_to(folder)), recursive=False, filter=_private)
                except OSError as error:
                    raise Stop(
                        f"{full} cannot be read: {error.strerror}", "make it readable, or move it away"
                    ) from None
                count += 1
    return buffer.getvalue(), count


def _private(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Clears the owner and restricts the mode: on the hosts the files belong to the user that Ray runs as."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o700 if info.mode & 0o100 else 0o600
    return info
