"""A rolling restart: its batches, and which hosts are done, so that an interrupted one goes on where it was."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
KEPT = 86400  # seconds after which an interrupted restart is forgotten


def batch_size(text: str, hosts: int) -> int:
    """How many hosts restart at once: ``N``, or ``P%`` of them, rounded up, and at least one.

    :raises ValueError: it is neither, or nothing.
    """
    found = re.fullmatch(r"\s*(\d{1,5})\s*(%?)\s*", str(text))
    number = int(found.group(1)) if found else 0
    if not number or (found and found.group(2) and number > 100):
        raise ValueError("expected a number of hosts, or 1%-100% of them")
    return max(1, math.ceil(hosts * number / 100)) if found and found.group(2) else number


def batches(hosts: Sequence[T], size: int, canary: int) -> list[list[T]]:
    """The hosts in their order, the first ``canary`` of them in a batch of their own."""
    first, rest = list(hosts[:canary]), list(hosts[canary:])
    return [one for one in [first, *(rest[at : at + size] for at in range(0, len(rest), size))] if one]


@dataclass
class Progress:
    """What one rolling restart has done; kept in a file of the operator's machine until it has ended.

    :param path: that file.
    :param key: what the restart is of: another file or other hosts are another restart.
    :param began: when it began, in seconds since 1970.
    :param done: names of the hosts that have restarted and run a task.
    """

    path: Path
    key: str
    began: float
    done: list[str] = field(default_factory=list)

    @property
    def since(self) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.began))

    def mark(self, names: Sequence[str]) -> None:
        """Notes hosts that are done. A full disk costs only the note."""
        self.done += [name for name in names if name not in self.done]
        text = json.dumps({"key": self.key, "began": self.began, "done": self.done})
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new.write_text(text, "utf-8")
            new.replace(self.path)

    def end(self) -> None:
        """Forgets it: the next restart is a new one."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Rolling:
    """How workers are restarted.

    :param batch: how many at once: ``3`` or ``10%``.
    :param canary: how many are the first batch; 0: none.
    :param most_failures: it goes on while at most so many have failed.
    """

    batch: str
    canary: int
    most_failures: int
    progress: Progress


def progress(path: Path, key: str, now: float) -> Progress:
    """The interrupted restart that goes on, or a new one."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads(path.read_text("utf-8"))
        began = float(found["began"])
        if found["key"] == key and 0 <= now - began < KEPT:
            return Progress(path, key, began, [str(name) for name in found["done"]])
    return Progress(path, key, now)
