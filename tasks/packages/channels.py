"""Conda's channels: where they are, whose terms they want, and what they have. Solved by rattler."""

from __future__ import annotations

import asyncio
import json
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from tasks.inventory import Host
from tasks.render.conda import Item
from tasks.render.versions import parse

from . import Unavailable
from .web import Web

ANACONDA = "https://repo.anaconda.com/pkgs"
COMMUNITY = "https://conda.anaconda.org"
# parts of `defaults`, and other names of Anaconda's own
OF_ANACONDA = ("main", "r", "msys2", "free", "pro", "anaconda")
_OF_ANACONDA = re.compile(r"^https?://repo\.anaconda\.(com|cloud)/|/pkgs/(main|r|msys2|free|pro)/?$")
NEAREST = 6  # how many of the versions that are there get named


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
    """A mirror of Anaconda's site keeps these in its folder ``cloud``, and `defaults` in ``pkgs``."""
    if mirror is None:
        return f"{COMMUNITY}/{name}"
    return f"{mirror.rstrip('/').removesuffix('/pkgs')}/cloud/{name}"


def with_terms(host: Host) -> list[str]:
    """The channels of a host that are Anaconda's by their name, and so come with its terms."""
    return [c for c in host.conda.channels if c in ("defaults", *OF_ANACONDA) or _OF_ANACONDA.search(c)]


def ask_terms(web: Web, channels: Iterable[str]) -> list[str]:
    """Those of the channels (URLs) that publish terms which have to be accepted, as conda's own plugin asks."""
    found = []
    for channel in channels:
        try:
            text = web.text(f"{channel}/tos.json")
            if text and isinstance(json.loads(text), dict):
                found.append(channel)
        except (Unavailable, ValueError):
            continue  # a channel that does not answer is found when it is solved
    return found


def terms_wanted(channels: Sequence[str]) -> Unavailable:
    """The choice that only the user can make."""
    return Unavailable(
        f"the terms of Anaconda's channels are not accepted: {', '.join(channels)}",
        "read https://www.anaconda.com/legal, then conda: {accept_terms: true};"
        " or go without: conda: {installer: miniforge, channels: [conda-forge]}",
        code=2,
    )


def solve(
    channels: Sequence[str], platform: str, python: str, *, glibc: str = "2.17", cache: Path
) -> tuple[str, list[Item]]:
    """Python and all that it needs, for one platform.

    :param python: ``3.7.7``, or ``3.7`` for its newest patch.
    :returns: the full version, and the packages in the order in which they can be linked.
    :raises Unavailable: with the nearest versions that the channels have.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(_solve(channels, platform, python, glibc, cache))


async def _solve(channels, platform, python, glibc, cache):
    import rattler
    from rattler import exceptions

    gateway = rattler.Gateway(cache_dir=cache)
    sources = [rattler.Channel(url) for url in channels]
    subdirs = [platform, "noarch"]
    spec = f"python =={python}" if python.count(".") == 2 else f"python {python}.*"
    try:
        found = await gateway.query(sources, subdirs, ["python"], recursive=False)
        have = {str(r.version) for records in found for r in records if r.subdir != "noarch"}
        if not any(v == python or v.startswith(python + ".") for v in have):
            raise _not_there(python, platform, have, channels)
        records = await rattler.solve(
            sources,
            [rattler.MatchSpec(spec), rattler.MatchSpec("pip")],
            gateway=gateway,
            platforms=subdirs,
            virtual_packages=_virtual(rattler, platform, glibc),
        )
    except (exceptions.GatewayError, exceptions.FetchRepoDataError, exceptions.IoError) as error:
        raise Unavailable(
            f"a channel of conda's cannot be read: {_first_line(error)}",
            "is it reachable from here? mirrors.conda names a mirror, mirrors.proxy a proxy",
        ) from None
    except exceptions.SolverError as error:
        raise Unavailable(
            f"the channels have no set of packages for Python {python} on {platform}: {_first_line(error)}",
            "choose another conda.python or conda.channels",
        ) from None
    version = next(str(r.version) for r in records if r.name.normalized == "python")
    # the sorting leaves the place of each file out
    order = [r.name.normalized for r in rattler.PackageRecord.sort_topologically(records)]
    records.sort(key=lambda r: order.index(r.name.normalized))
    return version, [_item(record) for record in records]


def _virtual(rattler, platform: str, glibc: str) -> list:
    def package(name: str, version: str = "0"):
        return rattler.GenericVirtualPackage(
            rattler.PackageName(name), rattler.Version(version), rattler.BuildString("0")
        )

    system = platform.partition("-")[0]
    if system == "win":
        return [package("__win", "10.0")]
    if system == "osx":
        return [package("__unix"), package("__osx", "11.0")]
    return [package("__unix"), package("__linux", "4.18"), package("__glibc", glibc)]


def _item(record) -> Item:
    sha256 = record.sha256.hex() if record.sha256 else ""
    if not sha256:
        raise Unavailable(
            f"the channel does not say the SHA-256 of {record.file_name}", "choose another channel"
        )
    return Item("conda", record.file_name, sha256, record.size or 0, record.url)


def _first_line(error: Exception) -> str:
    return " ".join(line.strip(" ×╰─▶│├└") for line in str(error).splitlines()[:3] if line.strip())


def nearest(python: str, have: Iterable[str]) -> list[str]:
    """Of the versions that are there those next to the one that is not, in order."""
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


def _not_there(python: str, platform: str, have: set[str], channels: Sequence[str]) -> Unavailable:
    near = nearest(python, have)
    where = " and ".join(channels)
    if not near:
        return Unavailable(f"there is no Python for {platform} in {where}", "choose other conda.channels")
    return Unavailable(
        f"Python {python} is not there for {platform} in {where}; the nearest that are: {', '.join(near)}",
        f'conda: {{python: "{near[-1]}"}}, or other conda.channels',
    )
