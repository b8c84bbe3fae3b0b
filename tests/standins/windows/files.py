"""Part of the stand-in for .NET: files and streams, over a folder that stands for the drive C:."""

from __future__ import annotations

import concurrent.futures
import contextlib
import fnmatch
import io
import os
import shutil
import threading
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import Any

from .values import VOID, Unsupported, Void

GATES = threading.Lock()


class Stream:
    """A file or a pipe of bytes; closing it lets others open it."""

    def __init__(self, raw: Any, close: Any = None) -> None:
        self.raw, self._close = raw, close

    @property
    def Length(self) -> int:
        return os.fstat(self.raw.fileno()).st_size

    @property
    def BaseStream(self) -> Stream:
        return self

    def Seek(self, offset: int, origin: str) -> int:
        return self.raw.seek(offset, {"Begin": 0, "Current": 1, "End": 2}[origin])

    def Read(self, target: bytearray, at: int, count: int) -> int:
        got = self.raw.read(count)
        target[at : at + len(got)] = got
        return len(got)

    def Write(self, data: bytes, at: int, count: int) -> Void:
        self.raw.write(bytes(data[at : at + count]))
        return VOID

    def CopyTo(self, other: Stream) -> Void:
        shutil.copyfileobj(self.raw, other.raw)
        return VOID

    def Close(self) -> Void:
        if self._close:
            self._close()
        with contextlib.suppress(BrokenPipeError):
            self.raw.close()
        return VOID


class Moment:
    """A DateTime of .NET's."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __sub__(self, other: Moment) -> Any:
        return SimpleNamespace(TotalSeconds=self.at - other.at)

    def __lt__(self, other: Moment) -> bool:
        return self.at < other.at

    def __ge__(self, other: Moment) -> bool:
        return self.at >= other.at

    def AddHours(self, hours: float) -> Moment:
        return Moment(self.at + 3600 * hours)

    def AddDays(self, days: float) -> Moment:
        return Moment(self.at + 86400 * days)


class Later:
    """A Task of .NET's."""

    def __init__(self, running: Any) -> None:
        self._running = running

    @property
    def Result(self) -> str:
        return self._running.result()


class StreamReader:
    def __init__(self, stream: Stream, encoding: Any = None) -> None:
        self.stream = stream
        self.inner = io.TextIOWrapper(stream.raw, "utf-8", "replace", newline="")

    def ReadLine(self) -> str | None:
        line = self.inner.readline()
        return line.rstrip("\n").removesuffix("\r") if line else None

    def ReadToEnd(self) -> str:
        return self.inner.read()

    def ReadToEndAsync(self) -> Any:
        """A pipe's, read beside whatever else is done."""
        return Later(concurrent.futures.ThreadPoolExecutor(1).submit(self.inner.read))

    def ReadBlock(self, target: list, at: int, count: int) -> int:
        """Counts in units of UTF-16, as .NET does."""
        got = 0
        while got < count and (char := self.inner.read(1)):
            units = 2 if ord(char) > 0xFFFF else 1
            target[at + got : at + got + units] = [char, ""][:units]
            got += units
        return got

    def Close(self) -> Void:
        return self.stream.Close()


class StreamWriter:
    def __init__(self, stream: Stream, encoding: Any = None) -> None:
        self.stream, self.AutoFlush = stream, False

    def Write(self, words: str) -> Void:
        data = words.encode("utf-8")
        if not data.isascii():
            raise Unsupported(f"a code page would change {words!r}")
        return self.stream.Write(data, 0, len(data))


class Drive:
    """`root` stands for C:\\; `opened`: what is open to one alone."""

    def __init__(self, root: Path) -> None:
        self.root, self.opened = root, set()

    def at(self, path: str) -> Path:
        parts = PureWindowsPath(path)
        if parts.drive.upper() != "C:" or ".." in parts.parts:
            raise Unsupported(f"the path {path}")
        return self.root.joinpath(*parts.parts[1:])

    def types(self) -> dict[str, Any]:
        return {"io.file": Files(self), "io.directory": Folders(self), "io.path": Paths()} | {
            "io.fileinfo": lambda path: type("FileInfo", (), {"Length": self.at(path).stat().st_size})(),
            "io.streamreader": StreamReader,
            "io.streamwriter": StreamWriter,
            "io.driveinfo": self,
        }

    # [IO.DriveInfo]
    def GetDrives(self) -> list:
        size, _, free = shutil.disk_usage(self.root)
        known = {"IsReady": True, "Name": "C:\\", "AvailableFreeSpace": free, "TotalSize": size}
        return [type("DriveInfo", (), known)()]


class Files:
    def __init__(self, drive: Drive) -> None:
        self._drive, self._at = drive, drive.at

    def Exists(self, path: str) -> bool:
        return self._at(path).is_file()

    def ReadAllText(self, path: str) -> str:
        return self._at(path).read_bytes().decode()

    def WriteAllText(self, path: str, words: str, encoding: Any) -> Void:
        self._at(path).write_bytes(getattr(encoding, "Preamble", b"") + encoding.GetBytes(words))
        return VOID

    def SetAttributes(self, path: str, kind: str) -> Void:
        if kind != "Normal":
            raise Unsupported(f"the attribute {kind}")
        return VOID

    def GetLastWriteTimeUtc(self, path: str) -> Moment:
        return Moment(self._at(path).stat().st_mtime)

    def Delete(self, path: str) -> Void:
        self._at(path).unlink(missing_ok=True)
        return VOID

    def Move(self, source: str, target: str) -> Void:
        if self._at(target).exists():
            raise OSError(17, "Cannot create a file when that file already exists.")
        shutil.move(self._at(source), self._at(target))
        return VOID

    def Open(self, path: str, mode: str, access: str, share: str) -> Stream:
        if (mode, access, share) == ("Open", "Read", "ReadWrite, Delete"):
            return self.OpenRead(path)
        if (mode, access, share) != ("OpenOrCreate", "ReadWrite", "None"):
            raise Unsupported(f"opening {mode} {access} {share}")
        with GATES:
            if path in self._drive.opened:
                raise OSError(26, "it is being used by another process.")
            self._at(path).touch()
            self._drive.opened.add(path)
        return Stream(self._at(path).open("r+b"), lambda: self._drive.opened.discard(path))

    def OpenRead(self, path: str) -> Stream:
        return Stream(self._at(path).open("rb"))

    def Create(self, path: str) -> Stream:
        return Stream(self._at(path).open("wb"))


class Folders:
    def __init__(self, drive: Drive) -> None:
        self._at = drive.at

    def Exists(self, path: str) -> bool:
        return self._at(path).is_dir()

    def CreateDirectory(self, path: str) -> str:
        folder = self._at(path)
        if not folder.exists():
            folder.mkdir(parents=True)
            # what Docker Desktop mounts, every user of a container may write
            folder.chmod(0o777)
        return path

    def Delete(self, path: str, all_of_it: bool = False) -> Void:
        folder = self._at(path)
        if folder.is_symlink():
            # a junction goes without what it leads to
            folder.unlink()
        else:
            if all_of_it and any(folder.rglob("cannot-be-deleted")):
                raise PermissionError(13, "Access to the path is denied.")
            shutil.rmtree(folder) if all_of_it else folder.rmdir()
        return VOID

    def _inside(self, path: str, pattern: str) -> list[tuple[str, Path]]:
        found = [p for p in self._at(path).iterdir() if fnmatch.fnmatch(p.name.lower(), pattern.lower())]
        return [(f"{path}\\{p.name}", p) for p in sorted(found)]

    def GetFiles(self, path: str, pattern: str, depth: str = "TopDirectoryOnly") -> list[str]:
        if depth == "AllDirectories":
            names = [p.relative_to(self._at(path)) for p in self._at(path).rglob(pattern) if p.is_file()]
            return [path + "\\" + str(name).replace("/", "\\") for name in names]
        return [name for name, p in self._inside(path, pattern) if p.is_file()]

    def GetDirectories(self, path: str, pattern: str) -> list[str]:
        # Docker Desktop's symbolic links are not folders for Windows
        return [name for name, p in self._inside(path, pattern) if p.is_dir() and not p.is_symlink()]

    def GetFileSystemEntries(self, path: str) -> list[str]:
        return [name for name, _ in self._inside(path, "*")]


class Paths:
    def GetFileName(self, path: str) -> str:
        return PureWindowsPath(path).name

    def GetDirectoryName(self, path: str) -> str:
        return str(PureWindowsPath(path).parent)

    def IsPathRooted(self, path: str) -> bool:
        return bool(PureWindowsPath(path).drive)
