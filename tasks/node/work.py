"""The work that Ray is running, and which part of it ends when certain nodes stop."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.text.wording import counted

UNKNOWN = "running work could not be determined"
SHOWN = 5  # at most so many jobs, drivers or actors are listed by name
WIDE = 40  # characters shown of a driver's command


@dataclass(frozen=True)
class Work:
    """What the driver ``work.py`` found; ``problem`` is the reason if it could not find out."""

    jobs: tuple[Mapping[str, Any], ...] = ()
    drivers: tuple[Mapping[str, Any], ...] = ()
    actors: tuple[Mapping[str, Any], ...] = ()
    groups: tuple[Mapping[str, Any], ...] = ()
    tasks: Mapping[str, int] = field(default_factory=dict)  # by the node's address
    objects: Mapping[str, tuple[int, int]] = field(
        default_factory=dict
    )  # count and bytes, by the node's address
    problem: str = ""


def parse(lines: Iterable[str], problem: str) -> Work:
    """Parses the driver's answer.

    :param problem: the reason to report if the answer is incomplete.
    """
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    if not any("done" in one for one in found):
        return Work(problem=problem)
    return Work(
        tuple(one for one in found if "job" in one),
        tuple(one for one in found if "pid" in one),
        tuple(one for one in found if "actor" in one),
        tuple(one for one in found if "group" in one),
        {one["ip"]: one["tasks"] for one in found if one.get("tasks")},
        {one["ip"]: (one["objects"], one["bytes"]) for one in found if one.get("objects")},
    )


def ending(
    work: Work, names: Mapping[str, str], stopping: Iterable[str] | None, *, deadline: str = ""
) -> tuple[str, ...]:
    """The work that ends, one line for each item.

    :param names: host names by node address.
    :param stopping: addresses of the nodes that stop. None: the head is one of them, so all work ends.
    :param deadline: the nodes are drained first, and their tasks have so long to end, such as ``10m``.
    """
    if work.problem:
        return (f"{UNKNOWN}: {work.problem}",)
    if stopping is None:
        jobs, drivers, more = work.jobs, work.drivers, []
        actors = [_group("detached actor", [_plain(one["actor"]) for one in work.actors if one["detached"]])]
        actors.append(_group("placement group", [_plain(one["group"]) for one in work.groups]))
    else:
        gone = set(stopping)
        jobs = tuple(one for one in work.jobs if one["ip"] in gone)
        drivers = tuple(one for one in work.drivers if one["ip"] in gone)
        actors = _actors([one for one in work.actors if one["ip"] in gone], names)
        more = [_groups(work, gone, names), _tasks(work, gone, deadline), _objects(work, gone)]
    lines = [
        _group("job", [_job(one) for one in jobs]),
        _group("driver", [_driver(one, names) for one in drivers]),
        *actors,
        *more,
    ]
    return tuple(line for line in lines if line)


def _groups(work: Work, gone: set[str], names: Mapping[str, str]) -> str:
    """The placement groups with a part on stopping nodes, which Ray places again."""
    found = [
        f"{_plain(one['group'])} on {', '.join(names.get(ip, ip) for ip in one['ips'] if ip in gone)}"
        for one in work.groups
        if gone & set(one["ips"])
    ]
    return _group("placement group", found) + ", placed again where there is room" if found else ""


def _tasks(work: Work, gone: set[str], deadline: str) -> str:
    count = sum(number for ip, number in work.tasks.items() if ip in gone)
    given = f" if not done within {deadline}" if deadline else ""
    retried = "retried on another node where max_retries allows it"
    return f"{counted(count, 'task')}{given}, {retried}" if count else ""


def _objects(work: Work, gone: set[str]) -> str:
    """The objects on stopping nodes: which of them have another copy, Ray does not say."""
    found = [count for ip, count in work.objects.items() if ip in gone]
    if not found:
        return ""
    number, size = (sum(column) for column in zip(*found, strict=True))
    return f"{counted(number, 'object')} ({size / 1e6:.1f} MB), unless there is another copy or Ray computes them again"


def _actors(actors: list[Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    """The actors on stopping nodes: those that end, and those that Ray restarts on another node."""

    def called(one: Mapping[str, Any]) -> str:
        return f"{_plain(one['actor'])} on {names.get(one['ip'], one['ip'])}"

    moving = [called(one) for one in actors if one["moves"]]
    return [
        _group("actor", [called(one) for one in actors if not one["moves"]]),
        _group("actor", moving) + ", restarted on another node without its state" if moving else "",
    ]


def _job(one: Mapping[str, Any]) -> str:
    parts = (_plain(one["job"]), "waiting" if one["pending"] else _age(one["age"]), _plain(one["user"]))
    return ", ".join(part for part in parts if part)


def _driver(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    what = "Ray Client" if one["client"] else program(one["command"])
    where = names.get(one["ip"], one["ip"])
    return ", ".join(part for part in (f"{what} on {where} (process {one['pid']})", _age(one["age"])) if part)


def program(command: str) -> str:
    """The script or module that a command line runs; other arguments are left out, since they may be private."""
    parts = _plain(command).replace("(interactive_shell) ", "", 1).split()
    interpreter = parts[0].replace("\\", "/").rpartition("/")[2] if parts else "python"
    rest = parts[1:]
    if not interpreter.startswith("python"):
        return interpreter[:WIDE]
    while rest and rest[0].startswith("-") and rest[0] not in ("-m", "-c", "-"):
        rest = rest[1:]
    if rest[:1] == ["-m"] and len(rest) > 1:
        rest = rest[1:]
    if not rest or rest[0] in ("-c", "-"):
        return " ".join([interpreter, *rest[:1]])
    return "notebook" if rest[0].startswith("ipykernel") else rest[0][-WIDE:]


def _age(seconds: int | None) -> str:
    if seconds is None:
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _group(what: str, each: list[str]) -> str:
    return f"{counted(len(each), what)}: {'; '.join(_first(each))}" if each else ""


def _first(each: list[str]) -> list[str]:
    return each if len(each) <= SHOWN else [*each[: SHOWN - 1], f"and {len(each) - SHOWN + 1} more"]


def _plain(text: object) -> str:
    """Text without control characters: names that users chose must not control the terminal."""
    return "".join(char if char.isprintable() else "?" for char in str(text))
