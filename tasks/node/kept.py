"""What a host keeps of the node that runs and of the one that ran before the last upgrade, so that it can go back.

A record is a line ``ENVIRONMENT HASH SECONDS`` and a line of JSON: the whole :class:`Desired` and the request that its
versions were chosen for. ``sh/kept.sh`` writes it once the node has started.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tasks.node.desired import Desired, Versions
from tasks.node.gcs_store import HeadState
from tasks.node.names import basics
from tasks.node.start import secrets_of
from tasks.script.script import Effect, Script, Value, render


@dataclass(frozen=True)
class Kept:
    """A node that can be started again without anything from outside the host.

    :param since: seconds since 1970 at which its environment came into use, by the host's clock; None: unknown.
    :param request: a digest of the request that its versions were chosen for.
    """

    desired: Desired
    request: str = ""
    since: int | None = None

    @property
    def environment(self) -> str:
        """The name of its environment, or the id of its image."""
        return environment(self.desired)


@dataclass(frozen=True)
class Records:
    """All that a host keeps.

    :param started: what was started last, and stays.
    :param previous: what ran before that.
    :param trying: a switch has begun that has not ended.
    """

    started: Kept | None = None
    previous: Kept | None = None
    trying: bool = False


def environment(desired: Desired) -> str:
    """The name of a node's environment, or the id of its image."""
    return desired.versions.env_id or desired.versions.image


def kept_environments(records: Records) -> frozenset[str]:
    """The names of the environments and the ids of the images that must stay on the host."""
    return frozenset(one.environment for one in (records.started, records.previous) if one)


def record(desired: Desired, request: str) -> str:
    """The text of a record without its time."""
    plain = replace(desired, versions=replace(desired.versions, lock=""), direct="", trying=False)
    told = {"desired": asdict(plain), "request": request}
    return f"{environment(desired)} {desired.hash}\n{json.dumps(told, sort_keys=True)}"


def parse(lines: Sequence[str]) -> Kept | None:
    """A record as a host has it; None if there is none, or if another version of this program wrote it."""
    words = lines[0].split() if lines else []
    try:
        told = json.loads(lines[1])
        desired = dict(told["desired"])
        versions = Versions(**desired.pop("versions"))
        desired["arguments"] = tuple(desired["arguments"])
        head_state = desired.get("head_state")
        desired["head_state"] = HeadState(**head_state) if head_state else None
        node = Desired(**desired, versions=versions)
    except (IndexError, KeyError, TypeError, ValueError):
        return None
    return Kept(node, told.get("request", ""), int(words[2]) if words[2:] and words[2].isdigit() else None)


def records(values: Mapping[str, str], texts: Mapping[str, Sequence[str]]) -> Records:
    """The answer to :func:`read_script`."""

    def one(name: str) -> Kept | None:
        return parse([line for line in texts.get(name, ()) if line.strip()])

    return Records(one("started"), one("previous"), "trying" in values)


def kept_values(desired: Desired, state: Mapping[str, Any]) -> dict[str, Value]:
    """The values of a starting script that leave a record."""
    return {"RECORD": record(desired, state.get("request", "")), "TRYING": desired.trying}


def read_script(cluster: str) -> Script:
    """Reads what the host keeps."""
    return render("read what can be started again", "kept_read", basics(cluster), effect=Effect.READS)


def stage_script(cluster: str, stage: str, text: str = "", *, sudo: bool = False) -> Script:
    """One stage of a switch.

    :param stage: ``begin``; ``settle``: what was started stays, and what ran before is kept; ``undo``: what was
        installed and not started is removed.
    :param text: the record of what was started, for ``settle``.
    """
    values = {**basics(cluster), "STAGE": stage, "RECORD": text}
    titles = {
        "begin": "begin the switch",
        "settle": "keep what ran before",
        "undo": "remove what was not started",
    }
    return render(titles[stage], "kept_settle", values, secrets=secrets_of(sudo=sudo))
