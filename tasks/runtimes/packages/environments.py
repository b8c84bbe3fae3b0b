"""An environment that this project creates on a host: whether it is missing, what was changed in it since, and how
the last start differs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.node.desired import Desired, version_changes
from tasks.node.names import basics
from tasks.node.remembered import differences
from tasks.node.subject import Subject
from tasks.script import files
from tasks.script.script import Effect, Script, Value, render


def made_values() -> dict[str, Value]:
    """The values of the fragment ``envs_made``, for a script that makes an environment."""
    return {"OWNERS": files.text("drivers", "owners")}


def trial_script(cluster: str, env_id: str, packages: Sequence[str]) -> Script:
    """Imports Ray and the user's packages in an environment, before it takes the place of another.

    :param packages: as the hosts file has them.
    """
    values = {
        **basics(cluster),
        "ENV_ID": env_id,
        "PACKAGES": list(packages),
        "IMPORTS": files.text("drivers", "imports"),
    }
    return render("import Ray and the packages", "try_env", values)


def lock_script(cluster: str) -> Script:
    """Reads the lock that the running environment was made from; the answer has it as the text ``requirements``."""
    return render("read the lock", "env_lock", basics(cluster), effect=Effect.READS)


def lacking(subject: Subject, desired: Desired) -> tuple[list[str], list[str]]:
    """The step that creates the environment, and the reasons; empty if the environment exists and is complete."""
    state, wanted = subject.state, desired.versions.env_id
    if wanted in subject.facts.envs:
        return [], []
    changes = version_changes(state, desired)
    if wanted == state.get("env"):
        return ["repair Ray"], changes
    return ["install Ray"], changes or (["packages"] if state else [])


def repairs_running(subject: Subject, desired: Desired) -> bool:
    """Whether a repair leaves the running node alone: Windows cannot replace the files of a program that runs."""
    return desired.versions.env_id == subject.state.get("env") and subject.facts.system != "Windows"


def notes(subject: Subject) -> Iterator[tuple[str, str]]:
    """The packages that the user of the environment has changed."""
    if changed := package_changes(subject.facts.env_changes):
        yield (
            f"packages of Ray's environment were changed by hand: {', '.join(changed)}",
            f"they stay; {subject.host.runtime}.packages lists what all hosts should have",
        )


def package_changes(lines: Sequence[str]) -> list[str]:
    """What differs from the installation, such as ``pip 22.3 -> 24.0``, ``emoji 2.0 added``.

    :param lines: ``- FILE`` and ``+ FILE`` for records of packages that are gone and that are new.
    """
    versions: dict[str, dict[str, set[str]]] = defaultdict(lambda: {"-": set(), "+": set()})
    for line in lines:
        sign, _, path = line.partition(" ")
        if sign in ("-", "+") and (found := _package(path)):
            versions[found[0]][sign].add(found[1])
    out = []
    for name, sides in sorted(versions.items()):
        before, now = sides["-"] - sides["+"], sides["+"] - sides["-"]
        if before and now:
            out.append(f"{name} {min(before)} -> {min(now)}")
        elif now and not sides["-"]:
            out.append(f"{name} {min(now)} added")
        elif before and not sides["+"]:
            out.append(f"{name} {min(before)} removed")
    return out


def _package(path: str) -> tuple[str, str] | None:
    """The name and the version in the path of a package's record, pip's or conda's."""
    name = path.rsplit("/", 1)[-1]
    if "conda-meta/" in path:
        parts = name.removesuffix(".json").rsplit("-", 2)
        return (_plain(parts[0]), parts[1]) if len(parts) == 3 else None
    folder = name if name.endswith(".egg-info") else path.rsplit("/", 2)[-2]
    name, _, rest = re.sub(r"\.(dist|egg)-info$", "", folder).partition("-")
    return (_plain(name), rest.partition("-")[0]) if rest else None


def _plain(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def differs(state: Mapping[str, Any], desired: Desired) -> list[str]:
    """The differences between the last start and the desired one."""
    start = state.get("start")
    return differences(start, desired.start) if isinstance(start, dict) and start else []
