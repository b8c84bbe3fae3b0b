"""Processes of Ray on a host, this cluster's and others'."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RayProcess:
    """A raylet or GCS that runs on the host, whether this project started it or not."""

    pid: int
    exe: str
    cgroup: str


@dataclass(frozen=True)
class Raylet:
    """A raylet on the host, in whatever container it runs.

    :param age: seconds since it started; None if unknown.
    :param node_id: its id in Ray's node table; '' where its version of Ray does not pass it on.
    :param own: whether this cluster's node on the host itself has started it.
    """

    pid: int
    age: int | None
    node_id: str
    own: bool
    cgroup: str = ""


def ray_processes(values: Sequence[str], ps: Sequence[str]) -> list[RayProcess]:
    out = []
    for value in values:
        # a path may contain spaces: the control groups begin where the text looks like "0::/system.slice"
        if got := re.fullmatch(r"(\d+) (.*?)(?: (\d+:[^:/]*:/.*))?", value):
            out.append(RayProcess(int(got.group(1)), got.group(2).strip(), got.group(3) or ""))
    split = [parts for line in ps if len(parts := line.split(None, 1)) == 2]
    return out + [RayProcess(int(pid), program, "") for pid, program in split if pid.isdigit()]


def raylets_of(values: Sequence[str]) -> list[Raylet]:
    out = []
    for value in values:
        pid, age, node_id, own, cgroup = [*value.split(" ", 4), "", "", "", ""][:5]
        if pid.isdigit():
            known = node_id if node_id != "-" else ""
            out.append(Raylet(int(pid), int(age) if age.isdigit() else None, known, own == "own", cgroup))
    return out
