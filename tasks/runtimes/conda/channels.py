"""Conda's channels: their URLs, the terms that must be accepted, and their packages, which rattler solves."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tasks.environment import Failed, added
from tasks.inventory import Host
from tasks.inventory.ray_versions import parse
from tasks.runtimes.conda.scripts import Item
from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.web import Web, kept_in

ANACONDA = "https://repo.anaconda.com/pkgs"
COMMUNITY = "https://conda.anaconda.org"
# parts of `defaults`, and other names of Anaconda's own channels
OF_ANACONDA = ("main", "r", "msys2", "free", "pro", "anaconda")
_OF_ANACONDA = re.compile(r"^https?://repo\.anaconda\.(com|cloud)/|/pkgs/(main|r|msys2|free|pro)/?$")
SOLVER = Path(__file__).with_name("solver.py")
TIMEOUT = 600
UNREADABLE = "is it reachable from here? mirrors.conda names a mirror, mirrors.proxy a proxy"
NEAREST = 6  # how many of the available versions are listed


def urls(host: Host, platform: str) -> list[str]:
    """The channels of a host as URLs, in order; `defaults` is several."""
    out: list[str] = []
    for channel in host.conda.channels:
        if channel == "defaults":
            names = ["main", "r", *(["msys2"] if platform.startswith("win-") else [])]
            out += [_anaconda(host.mirrors.conda, name) for name in names]
        elif "://" in channel:
            out.append(channel.rstrip("/"))
        elif channel in OF_ANACONDA:
            out.append(_anaconda(host.mirrors.conda, channel))
        else:
            out.append(_community(host.mirrors.conda, channel))
    return list(dict.fromkeys(out))


def _anaconda(mirror: str | None, name: str) -> str:
    base = (mirror or ANACONDA).rstrip("/")
    return f"{base}/{name}" if base.endswith("/pkgs") else f"{base}/pkgs/{name}"


def _community(mirror: str | None, name: str) -> str:
    """The URL of a community channel: mirrors of Anaconda's site have them in ``cloud``, and `defaults` in ``pkgs``."""
    if mirror is None:
        return f"{COMMUNITY}/{name}"
    return f"{mirror.rstrip('/').removesuffix('/pkgs')}/cloud/{name}"


def with_terms(host: Host) -> list[str]:
    """The channels of a host that are Anaconda's, by their names; its terms apply to them."""
    return [c for c in host.conda.channels if c in ("defaults", *OF_ANACONDA) or _OF_ANACONDA.search(c)]


def ask_terms(web: Web, channels: Iterable[str]) -> list[str]:
    """The channels (URLs) that publish terms which must be accepted, looked up as conda's own plugin does."""
    found = []
    for channel in channels:
        try:
            text = web.text(f"{channel}/terms.json")
            if text and isinstance(json.loads(text), dict):
                found.append(channel)
        except (Unavailable, ValueError):
            continue  # a channel that does not answer is reported when it is solved
    return found


def terms_wanted(channels: Sequence[str]) -> Unavailable:
    """The error if the user has not accepted the terms."""
    return Unavailable(
        f"the terms of Anaconda's channels are not accepted: {', '.join(channels)}",
        "read https://www.anaconda.com/legal, then conda: {accept_terms: true};"
        " or go without: conda: {installer: miniforge, channels: [conda-forge]}",
        code=2,
    )


def solver(say: Callable[[str], None]) -> dict[str, str]:
    """The environment variables of the solver; installs rattler if it is missing.

    :param say: called with progress messages during the installation.
    :raises Unavailable: it cannot be installed.
    """
    if importlib.util.find_spec("rattler"):
        return {}
    try:
        return {
            "PYTHONPATH": str(added.packages("conda", lambda text: say(f"first use, the solver: {text}")))
        }
    except Failed as error:
        raise Unavailable(str(error), error.hint) from None


def solve(
    channels: Sequence[str],
    platform: str,
    python: str,
    *,
    glibc: str = "2.17",
    web: Web | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[str, list[Item]]:
    """Python and its dependencies, for one platform.

    Runs in a separate process, so that a crash in rattler's threads does not end this one.

    :param python: ``3.7.7``, or ``3.7`` for its newest patch.
    :param say: called with progress messages if the solver must be installed first.
    :returns: the full version, and the packages in the order in which they can be linked.
    :raises Unavailable: the channels have no solution; it names the nearest available versions.
    """
    asked = {"channels": list(channels), "platform": platform, "python": python, "glibc": glibc}
    modules = solver(say)
    asked["cache"] = str(kept_in() / "repodata")
    try:
        done = subprocess.run(
            [sys.executable, str(SOLVER)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env={**os.environ, **modules, **(web or Web()).environment},
        )
    except subprocess.TimeoutExpired:
        raise Unavailable("conda's channels did not answer in time", UNREADABLE) from None
    try:
        said = json.loads(done.stdout)
    except ValueError:
        last = " ".join(done.stderr.split("\n")[-3:]).strip()
        raise Unavailable(f"rattler, the solver for conda packages, failed: {last}") from None
    where = " and ".join(channels)
    if "unreadable" in said:
        raise Unavailable(f"a conda channel cannot be read: {said['unreadable']}", UNREADABLE)
    if "unsolvable" in said:
        raise Unavailable(
            f"the channels have no compatible packages for Python {python} on {platform}: {said['unsolvable']}",
            "choose another conda.python or conda.channels",
        )
    if "have" in said:
        raise _not_there(python, platform, said["have"], where)
    if unchecked := [one["file"] for one in said["packages"] if not one["sha256"] or not one["size"]]:
        raise Unavailable(
            f"the channel does not publish the SHA-256 of {unchecked[0]}", "choose another channel"
        )
    return said["version"], [Item("conda", **one) for one in said["packages"]]


def nearest(python: str, have: Iterable[str]) -> list[str]:
    """The available versions that are nearest to the missing one, in order."""
    wanted = parse(python)

    def distance(version: str) -> tuple:
        key = parse(version)
        minor = abs(key[1] - wanted[1]) if len(key) > 1 and len(wanted) > 1 else 0
        return (
            abs(key[0] - wanted[0]),
            minor,
            abs(key[2] - wanted[2]) if len(wanted) == len(key) == 3 else 0,
        )

    whole = [v for v in have if re.fullmatch(r"\d+\.\d+\.\d+", v)]
    return sorted(sorted(whole, key=distance)[:NEAREST], key=parse)


def _not_there(python: str, platform: str, have: Iterable[str], where: str) -> Unavailable:
    near = nearest(python, have)
    if not near:
        return Unavailable(f"there is no Python for {platform} in {where}", "choose other conda.channels")
    return Unavailable(
        f"Python {python} is not available for {platform} in {where}; the nearest available: {', '.join(near)}",
        f'conda: {{python: "{near[-1]}"}}, or other conda.channels',
    )
