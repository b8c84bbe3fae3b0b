"""A file on this machine, or a part of one: an archive inside a bundle is read where it is."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class Part:
    """Bytes on this machine.

    :param size: in bytes; None: to the end of the file.
    :param called: its own name, if it is a part of another file.
    """

    path: Path
    offset: int = 0
    size: int | None = None
    called: str = ""

    @property
    def name(self) -> str:
        return self.called or self.path.name

    def __str__(self) -> str:
        return f"{self.called} in {self.path}" if self.called else str(self.path)

    def open(self) -> BinaryIO:
        """The bytes, to read; positions count from the beginning of the part."""
        file = self.path.open("rb", buffering=0)
        if self.size is None:
            return io.BufferedReader(file)
        return io.BufferedReader(_Window(file, self.offset, self.size))


class _Window(io.RawIOBase):
    def __init__(self, file: io.FileIO, offset: int, size: int) -> None:
        self._file, self._offset, self._size, self._at = file, offset, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, to: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + to)
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        wanted = min(len(buffer), max(0, self._size - self._at))
        self._file.seek(self._offset + self._at)
        got = self._file.readinto(memoryview(buffer)[:wanted]) or 0
        self._at += got
        return got

    def close(self) -> None:
        self._file.close()
        super().close()
