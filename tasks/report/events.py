"""What a run does, as lines of JSON for other programs: the file of ``--events``.

Each line is one object that stands in ``schemas/events.json``: the steps of each host as they begin and end, then the
result. Without the flag nothing is written.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, TextIO

VERSION = 1
STDOUT = "-"


@dataclass
class _Stream:
    """Where the lines go.

    :ivar lost: why a line could not be written; nothing is written from then on.
    """

    out: TextIO | None = None
    run: str = ""
    lost: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


_stream = _Stream()


def use(path: str) -> None:
    """Write the events of this process to the end of a file; ``-``: to standard output, and all else to stderr.

    :raises OSError: the file cannot be opened.
    """
    if path == STDOUT:
        out, sys.stdout = sys.stdout, sys.stderr
    else:
        # a whole line at a time, so that several runs may share a file
        out = open(os.path.expanduser(path), "a", buffering=1, encoding="utf-8")  # noqa: SIM115
    _stream.out, _stream.run, _stream.lost = out, uuid.uuid4().hex[:12], ""


def emit(event: str, **more: Any) -> None:
    """Write one event; may be called from any thread. A full disk is no reason to fail: see :func:`lost`."""
    if _stream.out is None or _stream.lost:
        return
    # UTC, in milliseconds
    now = time.time()
    at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now * 1000) % 1000:03}Z"
    line = {"version": VERSION, "event": event, "at": at, "run": _stream.run, **more}
    with _stream.lock:
        try:
            _stream.out.write(json.dumps(line, ensure_ascii=False) + "\n")
            _stream.out.flush()
        except (OSError, ValueError) as error:
            _stream.lost = getattr(error, "strerror", None) or str(error)


def lost() -> str:
    """Why events are missing in the file; '' if none is."""
    return _stream.lost
