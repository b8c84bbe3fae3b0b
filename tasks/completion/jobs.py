"""The ids of a cluster's jobs in the user's cache, as the last command saw them: a TAB asks no host."""

from __future__ import annotations

import binascii
import json
import os

from tasks.completion.table import _read, _write, folders

FORMAT = 1
MOST = 50


def remember(hosts_file, ids) -> None:
    """Keeps the newest ids, the oldest of them first."""
    path = os.path.abspath(hosts_file)
    text = json.dumps({"format": FORMAT, "top": path, "jobs": list(ids)[-MOST:]})
    for folder in folders():
        if _write(folder, _name(path), text):
            break


def known(hosts_file: str) -> list[str]:
    """The ids of a hosts file's cluster, the newest first."""
    path = os.path.abspath(hosts_file)
    for folder in folders():
        found = _read(os.path.join(folder, _name(path)), path)
        if found:
            return [id_ for id_ in reversed(found.get("jobs", [])) if isinstance(id_, str)]
    return []


def _name(path: str) -> str:
    return f"jobs-{binascii.crc32(path.encode('utf-8', 'surrogateescape')):08x}.json"
