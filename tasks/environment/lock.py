"""One run at a time in a folder. The lock is released when the last process that holds it exits."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NAME = ".rayfab-lock"  # uv has its own lock in each environment, called .lock
AGAIN_SECONDS = 0.2


@contextlib.contextmanager
def locked(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the folder's lock, also for child processes: pip may outlive a run that was killed.

    :param waiting: called once if another run holds the lock.
    """
    file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.set_inheritable(file, True)
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    break  # a file system without locks
            if not told:
                waiting()
                told = True
            time.sleep(AGAIN_SECONDS)
        yield
    finally:
        os.close(file)
