"""Solves conda packages with rattler: a request as JSON on standard input, the answer on standard output.

:mod:`.channels` runs it in a separate process. It imports nothing of this project.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import warnings


async def answer(asked: dict) -> dict:
    """``{"version", "packages"}``; or one of ``have`` (the available Pythons), ``unreadable`` and ``unsolvable``."""
    import rattler
    from rattler import exceptions

    python, platform = asked["python"], asked["platform"]
    gateway = rattler.Gateway(cache_dir=asked["cache"])
    sources = [rattler.Channel(url) for url in asked["channels"]]
    subdirs = [platform, "noarch"]
    spec = f"python =={python}" if python.count(".") == 2 else f"python {python}.*"
    try:
        found = await gateway.query(sources, subdirs, ["python"], recursive=False)
        have = {str(r.version) for records in found for r in records if r.subdir != "noarch"}
        if not any(v == python or v.startswith(python + ".") for v in have):
            return {"have": sorted(have)}
        records = await rattler.solve(
            sources,
            [rattler.MatchSpec(spec), rattler.MatchSpec("pip")],
            gateway=gateway,
            platforms=subdirs,
            virtual_packages=virtual(rattler, platform, asked["glibc"]),
        )
    except exceptions.SolverError as error:
        return {"unsolvable": one_line(error)}
    except (exceptions.GatewayError, exceptions.FetchRepoDataError, exceptions.IoError, OSError) as error:
        return {"unreadable": one_line(error)}
    # sorting loses where each file is
    order = [r.name.normalized for r in rattler.PackageRecord.sort_topologically(records)]
    records.sort(key=lambda r: order.index(r.name.normalized))
    version = next(str(r.version) for r in records if r.name.normalized == "python")
    return {"version": version, "packages": [file_of(r) for r in records]}


def file_of(record) -> dict:
    """A package's file: where it is, and its size and checksum."""
    sha256 = record.sha256.hex() if record.sha256 else ""
    return {"file": record.file_name, "sha256": sha256, "size": record.size or 0, "url": record.url}


def virtual(rattler, platform: str, glibc: str) -> list:
    """The system's own features, as conda's virtual packages."""

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


def one_line(error: Exception) -> str:
    """The beginning of rattler's message, without its line drawing."""
    return " ".join(line.strip(" ×╰─▶│├└") for line in str(error).splitlines()[:3] if line.strip())


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(json.dumps(asyncio.run(answer(json.load(sys.stdin)))), flush=True)
    # rattler's threads may still be running, and a normal exit of Python can crash then
    os._exit(0)
