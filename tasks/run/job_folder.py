"""The job's folder, packed as one compressed tar."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from tasks.run.failures import Stop

LEFT_OUT = {".git", ".venv", "venv", "__pycache__", "node_modules", ".lab", ".pytest_cache", ".hypothesis"}
MOST_BYTES = 100 << 20


def pack(folder: Path) -> bytes:
    """The folder as a compressed tar, without files that no job needs.

    :raises Stop: it holds more than :data:`MOST_BYTES`.
    """
    buffer = io.BytesIO()
    total = 0
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
                        "run this in a folder that contains only the job",
                    )
                tar.add(full, arcname=str(full.relative_to(folder)), recursive=False, filter=_private)
    return buffer.getvalue()


def _private(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Clears the owner and restricts the mode: on the hosts the files belong to the user that Ray runs as."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o700 if info.mode & 0o100 else 0o600
    return info
