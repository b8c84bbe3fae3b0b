"""Builds of Python from python-build-standalone, for hosts that lack the Python of the cluster.

The operator's own uv knows each build: its version, its address, and its SHA-256, which is compiled into uv. A mirror
that keeps only the newest builds may have other ones; those are found on its pages, with the sums that it publishes.

Sources: ``uv python list --help``; uv's UV_PYTHON_INSTALL_MIRROR: the mirror replaces everything up to the folder of a
release; python-build-standalone's "Running Distributions": a build runs with any glibc from 2.17 on.
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from uv import find_uv_bin

from tasks.inventory import Host
from tasks.inventory.ray_versions import parse
from tasks.node.platforms import CONDA, machine, uv_key
from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.web import Web

TIMEOUT = 60
GITHUB = "https://github.com/astral-sh/python-build-standalone/releases/download"
# how many releases of a mirror are looked through, newest first
RELEASES = 3
_SYSTEMS = {"Linux": ("linux", "unknown-linux-gnu"), "Darwin": ("macos", "apple-darwin")}
_WAYS = "mirrors.python names a mirror of python-build-standalone; or use a bundle (fab bundle)"


@dataclass(frozen=True)
class Build:
    """One file of a release.

    :param key: uv's name for it, as in ``cpython-3.12.12-linux-x86_64-gnu``; "" if uv does not know the build.
    :param path: its place below the folder of releases, as in ``20260211/cpython-3.12.12+...tar.gz``.
    :param base: the address of that folder in uv's own list.
    """

    version: str
    path: str
    key: str = ""
    base: str = ""

    @property
    def file(self) -> str:
        return self.path.rpartition("/")[2]

    def url(self, base: str) -> str:
        return f"{base.rstrip('/')}/{quote(self.path)}"


def known(host: Host, platform: str, web: Web) -> list[str]:
    """The versions of which there is a build for a platform, newest first.

    Without a mirror these are the versions that uv knows. With one that can be listed, they are those that it has.

    :param platform: conda's name, as in ``linux-64``.
    :raises Unavailable: the mirror does not answer.
    """
    ours = _of_uv(platform)
    there = _releases(host, web)
    if there:
        ours = {v: build for v, build in ours.items() if build.path.partition("/")[0] in there}
        for release in there[:RELEASES]:
            ours = {**{b.version: b for b in _in_release(host, release, platform, web)}, **ours}
    return sorted(ours, key=parse, reverse=True)


def newest(request: str | None, versions: list[str]) -> str | None:
    """The newest of these versions that is what was requested: ``3.12`` or ``3.12.12``; None if there is none."""
    fits = [v for v in versions if request is None or v == request or v.startswith(f"{request}.")]
    return max(fits, key=parse, default=None)


def find(host: Host, version: str, platform: str, web: Web) -> Item:
    """The build of a full version for a platform, as a file with its sum.

    :param platform: conda's name, as in ``linux-64``.
    :raises Unavailable: there is none, or it cannot be verified, or its server does not answer.
    """
    build = _of_uv(platform).get(version)
    if build is not None:
        for base in [mirror_of(host)] if mirror_of(host) else dict.fromkeys((build.base, GITHUB)):
            size = _size(web, build.url(base))
            if size is not None:
                return _item(build, _sum_in_uv(build), base, size, web)
    for release in _releases(host, web)[:RELEASES]:
        for other in _in_release(host, release, platform, web):
            if other.version == version:
                base = mirror_of(host)
                return _item(other, _published(other, base, web), base, _size(web, other.url(base)) or 0, web)
    raise Unavailable(*none(host, version, platform, web))


def none(host: Host, version: str, platform: str, web: Web) -> tuple[str, str]:
    """What is wrong where there is no build of a version, and the ways out."""
    mirror = mirror_of(host)
    where = f" in {mirror}" if mirror else ""
    there = known(host, platform, web)
    alike = [v for v in there if parse(v)[:2] == parse(version)[:2] and v != version] or there
    use = f'uv.python: "{alike[0]}" is there; or ' if alike and alike[0] != version else ""
    more = _WAYS if not mirror else "name another mirror in mirrors.python, or use a bundle (fab bundle)"
    return f"there is no build of Python {version} for {platform}{where}", use + more


def mirror_of(host: Host) -> str:
    """The mirror in the hosts file, or the one that this machine's uv is set to; "" for none."""
    return (host.mirrors.python or os.environ.get("UV_PYTHON_INSTALL_MIRROR") or "").rstrip("/")


def _item(build: Build, sha256: str, base: str, size: int, web: Web) -> Item:
    url = build.url(base)
    return Item("python", build.file, sha256, size or web.size(url, sha256, build.file), url)


def _size(web: Web, url: str) -> int | None:
    try:
        return web.there(url)
    except Unavailable as error:
        raise Unavailable(f"no build of Python can be fetched: {error}", f"{_WAYS}; mirrors.proxy") from None


# What uv knows


@cache
def _of_uv(platform: str) -> dict[str, Build]:
    """uv's builds by version: those that tar and gzip can unpack, for every processor of the architecture."""
    system, arch = CONDA[platform]
    if system not in _SYSTEMS:
        return {}
    name, arch = _SYSTEMS[system][0], machine(arch)
    done = _uv(
        "list",
        "--only-downloads",
        "--all-versions",
        "--all-platforms",
        "--all-arches",
        "--output-format",
        "json",
    )
    if done.returncode:
        return {}
    out: dict[str, Build] = {}
    for one in json.loads(done.stdout):
        base, _, path = one["url"].rpartition("/releases/download/")
        is_ours = (one["os"], one["arch"], one["implementation"], one["variant"]) == (
            *(name, uv_key(arch)),
            *("cpython", "default"),
        )
        if not is_ours or one["libc"] == "musl" or not re.fullmatch(r"3\.\d+\.\d+", one["version"]):
            continue
        if path.endswith(".tar.gz"):
            build = Build(one["version"], unquote(path), one["key"], f"{base}/releases/download")
            out.setdefault(one["version"], build)
    return out


def _uv(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """``uv python``, without the settings of this machine's user."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
    command = [find_uv_bin(), "python", *arguments, "--no-config", "--no-cache", "--offline"]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT, env={**clean, "NO_COLOR": "1", **env}
    )


@cache
def _sum_in_uv(build: Build) -> str:
    """The SHA-256 of a build that uv knows. uv names it when it refuses a wrong file, and so it is given one.

    :raises Unavailable: uv did not name it.
    """
    with tempfile.TemporaryDirectory() as folder:
        wrong = Path(folder, "mirror", build.path)
        wrong.parent.mkdir(parents=True)
        with tarfile.open(wrong, "w:gz"):
            pass
        done = _uv(
            "install",
            "--no-bin",
            build.key,
            UV_PYTHON_INSTALL_DIR=f"{folder}/python",
            UV_PYTHON_INSTALL_MIRROR=Path(folder, "mirror").as_uri(),
        )
    found = re.search(r"Expected:\s+([0-9a-f]{64})\b", done.stderr)
    if not found:
        raise Unavailable(
            f"this machine's uv does not name the SHA-256 of {build.file}",
            "install the version of uv that requirements.txt names, or use a bundle (fab bundle)",
        )
    return found.group(1)


# What a mirror has


def _releases(host: Host, web: Web) -> list[str]:
    """The releases on the mirror's page, newest first; empty if there is no mirror, or it has no such page."""
    mirror = mirror_of(host)
    if not mirror:
        return []
    return sorted(set(re.findall(r"\b(20\d{6})/", _page(web, mirror))), reverse=True)


def _in_release(host: Host, release: str, platform: str, web: Web) -> list[Build]:
    """The builds for a platform in one release on the mirror, the smaller kind of each version first."""
    system, arch = CONDA[platform]
    if system not in _SYSTEMS:
        return []
    target = f"{machine(arch)}-{_SYSTEMS[system][1]}"
    page = _page(web, f"{mirror_of(host)}/{release}")
    pattern = rf"cpython-(3\.\d+\.\d+)\+{release}-{re.escape(target)}-install_only(_stripped)?\.tar\.gz(?!\.)"
    found = {m.group(0): m.group(1) for m in re.finditer(pattern, page)}
    builds = [Build(version, f"{release}/{file}") for file, version in found.items()]
    return sorted(builds, key=lambda build: "_stripped" not in build.file)


@cache
def _page(web: Web, folder: str) -> str:
    """The text of a folder's page, with its addresses decoded; "" if there is none."""
    if urlsplit(folder).scheme == "file":
        return _local(Path(unquote(urlsplit(folder).path)))
    return unquote(html.unescape(web.text(f"{folder}/") or ""))


def _local(folder: Path) -> str:
    found = folder.iterdir() if folder.is_dir() else ()
    return "\n".join(f"{path.name}/" if path.is_dir() else path.name for path in found)


def _published(build: Build, base: str, web: Web) -> str:
    """The SHA-256 that is published beside a build.

    :raises Unavailable: none is.
    """
    folder = build.url(base).rpartition("/")[0]
    for url in (f"{folder}/SHA256SUMS", f"{build.url(base)}.sha256"):
        for line in (web.text(url) or "").splitlines():
            words = line.split()
            if (
                words
                and re.fullmatch("[0-9a-f]{64}", words[0])
                and words[1:] in ([], [build.file], [f"*{build.file}"])
            ):
                return words[0]
    raise Unavailable(
        f"no SHA-256 is published for {build.file} ({folder})",
        "mirrors.python names another mirror, one with SHA256SUMS; or use a bundle (fab bundle)",
    )
