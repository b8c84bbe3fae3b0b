"""What is remembered of a change to a cluster, on its head and on the operator's machine: one object a run.

All that changes a cluster takes its lock, and all that has taken it comes through here when it ends.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from tasks.report import typed
from tasks.report.lines import clean
from tasks.run.run import Run
from tasks.run.secrets import redactor

FORMAT = 1
LONGEST = 300  # characters of a message
CUT_OFF = "cut off"
_HOLDER = re.compile(
    r"(?P<who>.*?)@(?P<from>\S*) \(process \d+\) since (?P<when>[^:]*:\d+:\d+ ?[^:]*): (?P<what>.*)"
)


def changes(run: Run) -> bool:
    """Whether this run is remembered: it held the lock, and has touched a host or failed."""
    return run.record.has_locked and bool(run.record.touched or run.record.done or run.failed)


def entry(run: Run, code: int) -> dict[str, Any]:
    """The object; its keys are those of ``fab history --json``."""
    hide = redactor(run)
    who, _, machine = run.options.user.partition("@")
    code = code or (1 if run.failed else 0)
    return {
        "format": FORMAT,
        "id": _id(run.options.holder),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(run.record.begun)),
        "who": who,
        "from": machine,
        "command": hide(typed.again() if typed.known() else f"fab {run.options.what}"),
        "cluster": run.cluster.name,
        "head": run.cluster.head.host,
        "hosts": [node.name for node in _subjects(run)],
        "did": _by_what({name: ", ".join(run.record.done[name]) for name in _names(run)}),
        "failed": {name: hide(clean(one.message))[:LONGEST] for name, one in run.record.failures.items()},
        "status": code,
        "result": result(code),
        "seconds": round(time.time() - run.record.begun, 1),
    }


def result(code: int) -> str:
    """The exit status in one word."""
    return {0: "done", 2: "refused", 130: "interrupted"}.get(code, "failed")


def cut_off(holder: str) -> dict[str, Any]:
    """What is known of a run that did not finish: it left its lock behind."""
    found = _HOLDER.fullmatch(holder)
    said = found.groupdict() if found else {"who": "", "from": "", "when": "", "what": holder}
    return {
        "format": FORMAT,
        "id": _id(holder),
        "when": said["when"],
        "who": said["who"],
        "from": said["from"],
        "command": f"fab {said['what']}",
        "hosts": [],
        "did": {},
        "failed": {},
        "status": None,
        "result": CUT_OFF,
        "seconds": None,
    }


def lines(run: Run, code: int) -> str:
    """What the head is to remember, as lines of JSON; '' for nothing."""
    found = []
    if run.record.cut_off:
        found.append(json.dumps(cut_off(run.record.cut_off), ensure_ascii=False))
    if changes(run):
        found.append(json.dumps(entry(run, code), ensure_ascii=False))
    return "\n".join(found)


def parse(texts: Iterable[str]) -> list[dict[str, Any]]:
    """The entries in lines of JSON; a line that is none of a history is left out."""
    out = []
    for text in texts:
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("format") == FORMAT and isinstance(found.get("id"), str):
            out.append(found)
    return out


def merged(*sources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries of all sources, each once, by their time; one that was cut off may be known in full elsewhere."""
    found: dict[str, dict[str, Any]] = {}
    for one in (dict(one) for source in sources for one in source):
        before = found.get(one["id"])
        if before is None or before.get("result") == CUT_OFF:
            found[one["id"]] = one
    return sorted(found.values(), key=lambda one: re.sub(r"\D", "", str(one.get("when"))))


def about(entries: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[Mapping[str, Any]]:
    """Those that concern one of these hosts; one that does not say of which hosts it was may be about any."""
    wanted = set(names)
    return [one for one in entries if not one.get("hosts") or wanted & set(one["hosts"])]


def _id(holder: str) -> str:
    return hashlib.sha256(holder.encode()).hexdigest()[:12]


def _subjects(run: Run) -> list[Any]:
    nodes = [node for node in run.every() if run.may_change(node)]
    return [*nodes, *(node for node in run.record.gone if node not in nodes)]


def _names(run: Run) -> list[str]:
    """Those of hosts on which something was done, in the order of the hosts file."""
    order = {host.name: at for at, host in enumerate(run.cluster.hosts)}
    return sorted(run.record.done, key=lambda name: order.get(name, len(order)))


def _by_what(done: Mapping[str, str]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for name, what in done.items():
        out.setdefault(what, []).append(name)
    return out
