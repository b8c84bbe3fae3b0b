"""The operator's own log of what was done: a line a run. The hosts are the truth; this is only a memory.

A run that changed a cluster has the same line here as on its head (:mod:`tasks.run.history`), with three keys more.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.inventory import Cluster
from tasks.run import history
from tasks.run.run import Run

LARGEST = 8 << 20  # bytes; then the older half goes


def folder() -> Path:
    """Where the log lies: $XDG_STATE_HOME/rayfab, else ~/.local/state/rayfab."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "rayfab"


def record(run: Run, code: int) -> None:
    """Appends one line; a full disk or a read-only home is no reason to fail."""
    line = {
        **history.entry(run, code),
        "file": str(run.cluster.path),
        "what": run.options.what,
        "changes": history.changes(run),
    }
    with contextlib.suppress(OSError, RuntimeError):
        if not os.environ.get("XDG_STATE_HOME") and not Path.home().is_dir():
            return  # a home that is not there is not ours to make
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder() / "audit.jsonl"
        _shorten(path)
        with path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
        path.chmod(0o600)


def _shorten(path: Path) -> None:
    if not path.exists() or path.stat().st_size <= LARGEST:
        return
    kept = path.read_bytes()[-LARGEST // 2 :].partition(b"\n")[2]
    shorter = path.with_name(f"{path.name}.{os.getpid()}")
    shorter.write_bytes(kept)
    os.replace(shorter, path)


def changes(cluster: Cluster) -> list[dict[str, Any]]:
    """What this machine remembers of the changes to that cluster: by its hosts file, or by its head."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        entries = history.parse((folder() / "audit.jsonl").read_text("utf-8").splitlines())
        return [_bare(one) for one in entries if one.get("changes") and _of(one, cluster)]
    return []


def _of(entry: Mapping[str, Any], cluster: Cluster) -> bool:
    same = entry.get("head") == cluster.head.host or entry.get("file") == str(cluster.path)
    return same and entry.get("cluster") == cluster.name


def _bare(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("file", "what", "changes")}


def failed_last_time(cluster: str) -> set[str]:
    """The names that failed in the last run that this machine made on that cluster."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        for line in reversed((folder() / "audit.jsonl").read_text("utf-8").splitlines()):
            entry = json.loads(line)
            if entry["cluster"] == cluster:
                return set(entry["failed"])
    return set()
