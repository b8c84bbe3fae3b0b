"""A stand-in for the psutil in Ray's wheels for Windows: the programs on the drive, as Windows shows them.

It has what this project's programs use, by the names and in the way of psutil 5.9 to 7.1. Its home is
``ray/thirdparty_files``; the drive is the folder in ``STANDIN_C``.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

C = os.environ["STANDIN_C"]


class Error(Exception):
    pass


class NoSuchProcess(Error):
    pass


class AccessDenied(Error):
    pass


def _stat(pid: int) -> list[str]:
    """State, parent, ... of a process that has not ended."""
    try:
        found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        raise NoSuchProcess(pid) from None
    if found[0] in "ZX":
        raise NoSuchProcess(pid)
    return found


class Process:
    def __init__(self, pid: int) -> None:
        self.pid, self._begun = pid, _stat(pid)[19]

    def _words(self) -> list[str]:
        _stat(self.pid)
        try:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
        except OSError:
            raise NoSuchProcess(self.pid) from None
        for at, word in enumerate(words):
            if word.startswith(C + "/") and word.lower().endswith(".exe"):
                return words[at:]
        # of this machine, and not of the one that is stood in for
        raise AccessDenied(self.pid)

    def name(self) -> str:
        return os.path.basename(self._words()[0])

    def exe(self) -> str:
        return self._words()[0]

    def cmdline(self) -> list[str]:
        return self._words()

    def ppid(self) -> int:
        return int(_stat(self.pid)[1])

    def is_running(self) -> bool:
        try:
            return _stat(self.pid)[19] == self._begun
        except NoSuchProcess:
            return False

    def kill(self) -> None:
        if not self.is_running():
            raise NoSuchProcess(self.pid)
        os.kill(self.pid, signal.SIGKILL)

    def children(self, recursive: bool = False) -> list[Process]:
        _stat(self.pid)
        everything = list(process_iter())
        found, above = [], {self.pid}
        while above:
            below = []
            for one in everything:
                try:
                    if one.ppid() in above:
                        below.append(one)
                except NoSuchProcess:
                    continue
            found += below
            above = {one.pid for one in below} if recursive else set()
        return found


def process_iter():
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield Process(int(entry.name))
            except NoSuchProcess:
                continue
