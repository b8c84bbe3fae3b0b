"""What went wrong, as logs tell it: tracebacks, kills for want of memory, ended processes, full disks, lost nodes.

Equal ones count as one: numbers, ids and addresses do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.report.lines import Line

OOM, EXIT, FATAL, LOST, DISK = "OOM kill", "ended", "fatal", "node lost", "disk full"
DIED, TRACEBACK = "worker died", "traceback"
KINDS = (OOM, DISK, EXIT, FATAL, LOST, DIED, TRACEBACK)  # what explains others comes first

_DISK = re.compile(r"No space left on device|over [\d.]+% full|OutOfDiskError")
_OOM = re.compile(r"killed \d+ worker\(s\)|Killed process \d+")
_OOM_MORE = re.compile(r"killing policy|OOM kill|memory pressure \(OOM\)")
_EXIT = re.compile(r"^\s+([a-z_]+) \[exit code=([^\]]*)")
_FATAL = re.compile(r"^\[[^\]]* [CF] \d+ \d+\]|^F\d{4} ")
_LOST = re.compile(r"marked dead|health check failed")
_DIED = re.compile(r"A worker died or was killed .*?Worker exit detail: (.*?)(?: Some common causes|$)")
_LINK = re.compile(r"^(The above exception was|During handling of the above)")
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)(\(|:|$)")
_CHANGING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+(\.\d+)*")
_HEAD = re.compile(r"^\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[,.]?\d*(?: [A-Z] \d+ \d+\])?\s*(?:\(\w+\) )?")
STARTS = ("start", "container")  # files that repeat what a file of Ray's own says


@dataclass
class Incident:
    """One kind of event.

    :param last: the time of the last one, as its host wrote it; '' if unknown.
    :param hosts: how often on each host.
    :param text: the last one's line.
    """

    kind: str
    text: str
    file: str
    last: str = ""
    hosts: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.hosts.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "count": self.count,
            "hosts": self.hosts,
            "last": self.last or None,
            "file": self.file,
            "text": self.text,
        }


def incidents(lines: Iterable[Line]) -> list[Incident]:
    """What happened, each kind of event once, by its kind and then the most frequent first.

    :param lines: as the hosts have picked them: a time, a bar, a line; those of one file one after the other.
    """
    found: dict[tuple[str, str], Incident] = {}
    for (host, file), texts in _by_file(lines).items():
        for kind, time, text in _events(file, texts):
            key = (kind, _CHANGING.sub("#", text))
            one = found.setdefault(key, Incident(kind, text, file))
            one.hosts[host] = one.hosts.get(host, 0) + 1
            if time >= one.last:
                one.last, one.text, one.file = time, text, file
    return sorted(found.values(), key=lambda one: (KINDS.index(one.kind), -one.count, one.text))


def _by_file(lines: Iterable[Line]) -> Mapping[tuple[str, str], Sequence[str]]:
    out: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        out.setdefault((line.host, line.file), []).append(line.text)
    own = {host for host, file in out if file.startswith("ray_process_exit")}
    return {key: texts for key, texts in out.items() if key[0] not in own or not key[1].startswith(STARTS)}


def _events(file: str, texts: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Kind, time and line of each event of a file."""
    trace: tuple[str, str] | None = None  # the last line so far of the traceback
    began = False
    for whole in texts:
        time, _, text = whole.partition("|")
        plain = _HEAD.sub("", text).strip()
        if _LINK.match(text):
            trace = None
            continue
        if text.startswith("Traceback "):
            if trace:
                yield (TRACEBACK, *trace)
            trace, began = None, True
            continue
        # Ray's own error comes first, and then the one that it stands for
        goes_on = began and (trace is None or "RayTaskError" in trace[1])
        if goes_on and _RAISED.match(text) and not _DISK.search(text):
            trace = (time, text)
            continue
        if trace:
            yield (TRACEBACK, *trace)
        trace, began = None, False
        if kind := _kind(file, text):
            yield kind, time, _said(kind, plain, text)
    if trace:
        yield (TRACEBACK, *trace)


def _kind(file: str, text: str) -> str | None:
    if _DISK.search(text):
        return DISK
    if file.startswith(("raylet", "kernel")) and _OOM.search(text):
        return OOM
    if _EXIT.match(text):
        return EXIT
    if _FATAL.search(text):
        return FATAL
    if _DIED.search(text):
        return DIED
    return LOST if file.startswith("gcs_server") and _LOST.search(text) else None


def _said(kind: str, plain: str, text: str) -> str:
    """The line without what is the same in all of its kind."""
    if kind == EXIT:
        found = _EXIT.match(text)
        return f"{found.group(1)} ended with {found.group(2)}"
    return _DIED.search(text).group(1) if kind == DIED else plain
