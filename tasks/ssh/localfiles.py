"""The SFTP methods that Fabric's ``put`` and ``get`` use, for this machine's own files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO


class LocalFiles:
    """The part of paramiko's SFTPClient that Fabric uses; a relative path starts in the home directory."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def getcwd(self) -> None:
        """Like paramiko's: None, since the directory was not changed."""
        return None

    def normalize(self, path: str) -> str:
        return os.path.normpath(self._home / path)

    def stat(self, path: str) -> os.stat_result:
        return os.stat(self.normalize(path))

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(self.normalize(path), mode)

    def put(self, localpath: str, remotepath: str) -> None:
        shutil.copyfile(localpath, self.normalize(remotepath))

    def get(self, remotepath: str, localpath: str) -> None:
        shutil.copyfile(self.normalize(remotepath), localpath)

    def putfo(self, fl: BinaryIO, remotepath: str) -> None:
        with open(self.normalize(remotepath), "wb") as file:
            shutil.copyfileobj(fl, file)

    def getfo(self, remotepath: str, fl: BinaryIO) -> None:
        with open(self.normalize(remotepath), "rb") as file:
            shutil.copyfileobj(file, fl)

    def close(self) -> None:
        """Does nothing: nothing is open."""
