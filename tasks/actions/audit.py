"""The operator's own log of what was done: a line a run. The hosts are the truth; this is only a memory."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from tasks.run.run import Run


def folder() -> Path:
    """Where the log lies: $XDG_STATE_HOME/rayfab, else ~/.local/state/rayfab."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "rayfab"


def record(run: Run, code: int) -> None:
    """Appends one line; a full disk or a read-only home is no reason to fail."""
    line = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "cluster": run.cluster.name,
        "file": str(run.cluster.path),
        "what": run.options.what,
        "status": code,
        "did": run.record.done,
        "failed": {name: failure.message for name, failure in run.record.failures.items()},
    }
    with contextlib.suppress(OSError, RuntimeError):
        if not os.environ.get("XDG_STATE_HOME") and not Path.home().is_dir():
            return  # a home that is not there is not ours to make
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder() / "audit.jsonl"
        with path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
        path.chmod(0o600)


def failed_last_time(cluster: str) -> set[str]:
    """The names that failed in the last run that this machine made on that cluster."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        for line in reversed((folder() / "audit.jsonl").read_text("utf-8").splitlines()):
            entry = json.loads(line)
            if entry["cluster"] == cluster:
                return set(entry["failed"])
    return set()
