"""Packages from PyPI: resolved by uv for one platform and Python, into a list of files with their SHA-256."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from uv import find_uv_bin

from tasks.environment.added import own_folder
from tasks.inventory import Host
from tasks.inventory.ray_versions import NEWEST_FOR_PYTHON
from tasks.inventory.ray_versions import parse as parse_version
from tasks.node.platforms import CONDA, conda_name, uv_name
from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.jobs import needed
from tasks.runtimes.packages.web import Web, sha256_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TIMEOUT = 600
AT_ONCE = 8
# uv's words for a package of which the index has no version at all
NOT_THERE = "{} was not found in the package registry"


def uv_version() -> str:
    """The version of uv that this project installs on hosts: the operator's own."""
    return version("uv")


def environment(host: Host) -> dict[str, str]:
    """Environment variables for uv on this machine: the system's certificates, the configured index and proxy."""
    out = {
        **os.environ,
        "UV_SYSTEM_CERTS": "1",
        "UV_NATIVE_TLS": "1",
        "UV_NO_PROGRESS": "1",
        # next to this program, so that nothing is left in the user's home
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(own_folder() / "uv-cache"),
        **Web.of(host).environment,
    }
    if host.mirrors.pypi:
        out["UV_DEFAULT_INDEX"] = host.mirrors.pypi
    return out


def _uv(host: Host, arguments: Sequence[str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [find_uv_bin(), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            # SOURCE_DATE_EPOCH: a wheel that is built again must be the same file
            env={"SOURCE_DATE_EPOCH": "946684800", **environment(host)},
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(
            "the package index did not answer in time", "mirrors.pypi names another index"
        ) from None


def resolve(
    host: Host,
    wanted: Sequence[str],
    python: str,
    platform: str,
    glibc: str,
    section: str = "",
    prefer: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Every package with its version and files, as in uv's pylock file.

    :param section: where the hosts file names the packages: uv or conda; '' if the user did not ask for them.
    :param prefer: versions that are chosen where they fit, by the package's name.
    :raises Unavailable: no set of packages fits, or the index does not answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pylock.toml"
        target = uv_name(*CONDA[platform], glibc)
        if prefer:
            # uv prefers the versions in the file that it is about to replace
            known = [f'[[packages]]\nname = "{name}"\nversion = "{one}"\n' for name, one in prefer.items()]
            out.write_text("".join(['lock-version = "1.0"\ncreated-by = "uv"\n', *known]), "utf-8")
        arguments = ["pip", "compile", "-", "--quiet", "--no-header", "--no-annotate"]
        arguments += ["--python", sys.executable, "--python-version", python, "--python-platform", target]
        done = _uv(host, [*arguments, "--format", "pylock.toml", "-o", str(out)], "\n".join(wanted))
        if done.returncode:
            raise Unavailable(*unresolved(done.stderr, f"Python {python} on {platform}", section))
        return tomllib.loads(out.read_text("utf-8")).get("packages", [])


def unresolved(stderr: str, what: str, section: str) -> tuple[str, str]:
    """Why uv could not choose versions, from its own message, and how to fix it.

    :param what: the Python and the platform they were for.
    :param section: see :func:`resolve`.
    """
    said = " ".join(line.strip(" ×╰─▶│") for line in stderr.splitlines()[:6] if line.strip())
    keys = "ray.version" if not section else f"ray.version, {section}.python or {section}.packages"
    fits_none = f"no set of packages fits {what}: {said}"
    if NOT_THERE.format("") in stderr:
        return fits_none, f"is its name right? mirrors.pypi names another index, or choose another {keys}"
    if "No solution" in stderr:
        return fits_none, f"choose another {keys}"
    if re.search("cache|No space left|Read-only|Permission denied", stderr):
        return f"uv cannot work on this machine: {said}", "free some space, or name a folder in UV_CACHE_DIR"
    if "peer certificate" in stderr:
        return (
            f"the versions for {what} cannot be chosen: {said}",
            "mirrors.ca names a file with the authority that signed the index's certificate",
        )
    if re.search("dns|connect|timed out|resolv", stderr, re.IGNORECASE):
        return (
            f"the versions for {what} cannot be chosen: {said}",
            "is the package index reachable from here? mirrors.pypi names another one",
        )
    return fits_none, f"choose another {keys}"


def choose(
    host: Host,
    packages: Sequence[str],
    section: str,
    *,
    python: str,
    platform: str,
    glibc: str,
    ray: str | None,
    prefer: Mapping[str, str] | None = None,
) -> tuple[str, list[Item]]:
    """Chooses the version of every package, and the file for each.

    :param packages: those that the hosts file names.
    :param python: the full version.
    :param ray: the version of Ray; None: the newest that supports this Python.
    :param prefer: see :func:`resolve`.
    :returns: the version of Ray, and the files.
    :raises Unavailable: no set of packages fits, or the index does not answer.
    """
    wanted = [*packages, *([f"ray=={ray}"] if ray else [])]
    # an old Ray does not declare all that it needs today; Ray's version can usually be guessed before resolving
    has_pip = section == "conda"
    guess = needed(
        ray or NEWEST_FOR_PYTHON.get(parse_version(python)[:2], "999"), python, packages, has_pip=has_pip
    )
    # so that the wheel that installs an environment is also the one in it
    prefer = {"uv": uv_version(), **(prefer or {})}

    def resolved(wanted: list[str], more: list[str]) -> list[dict[str, Any]]:
        try:
            return resolve(host, [*wanted, *more], python, platform, glibc, section, prefer)
        except Unavailable as error:
            # an index of one's own may have all of Ray's packages and none of these
            left = [name for name in more if NOT_THERE.format(name) not in str(error)]
            if left == more:
                raise
            return resolved(wanted, left)

    found = resolved(wanted, guess)
    version = version_of(found, "ray")
    if version is None:
        raise Unavailable("the packages do not include ray", f"add ray to {section}.packages", code=2)
    if (more := needed(version, python, packages, has_pip=has_pip)) != guess:
        found = resolved([*wanted, f"ray=={version}"], more)
    return version, items(host, found, platform)


def version_of(packages: Sequence[dict[str, Any]], name: str) -> str | None:
    """The version that was chosen for a package, if it is among them."""
    return next((p.get("version") for p in packages if p["name"] == name), None)


def items(host: Host, packages: Sequence[dict[str, Any]], platform: str) -> list[Item]:
    """The file to install for each package: the wheel that was built most specifically for the platform."""
    # an index that does not publish sizes is asked for each of them
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda package: _item(host, package, platform), packages))


def _item(host: Host, package: dict[str, Any], platform: str) -> Item:
    wheels = package.get("wheels", [])
    if wheels:
        best = min(wheels, key=lambda wheel: (_distance(file_of(wheel)), file_of(wheel)))
        return _of(host, "wheel", best, package)
    if "sdist" in package:
        return _of(host, "sdist", package["sdist"], package)
    raise Unavailable(
        f"{package['name']} has no file for {platform}", "choose another version of it under packages"
    )


def _distance(file: str) -> int:
    """A number that is smaller the more specific a wheel is to one Python and one platform."""
    *_, _python, abi, platform = file.removesuffix(".whl").split("-")
    return 2 * (platform == "any") + (abi in ("abi3", "none"))


def file_of(entry: dict[str, Any]) -> str:
    """The name of a file in a pylock."""
    return entry.get("name") or unquote(urlsplit(entry["url"]).path.rsplit("/", 1)[-1])


def _of(host: Host, kind: str, entry: dict[str, Any], package: dict[str, Any]) -> Item:
    sha256 = entry.get("hashes", {}).get("sha256")
    if not sha256 or "url" not in entry:
        raise Unavailable(
            f"the package index does not publish the SHA-256 of {package['name']}",
            "mirrors.pypi names another index",
        )
    size = entry.get("size") or Web.of(host).size(entry["url"], sha256, file_of(entry))
    return Item(kind, file_of(entry), sha256, size, entry["url"])


def uv_wheel(host: Host, platform: str, glibc: str) -> Item:
    """The wheel of uv itself for a platform.

    :raises Unavailable: the index has none.
    """
    found = resolve(host, [f"uv=={uv_version()}"], "3.12", platform, glibc)
    one = _item(host, next(p for p in found if p["name"] == "uv"), platform)
    return Item("tool", one.file, one.sha256, one.size, one.url)


def own_uv(platform: str) -> Item | None:
    """The uv of this machine, for an index that has none; None if the platform is another one."""
    here = os.uname()
    if conda_name(here.sysname, here.machine) != platform:
        return None
    path = Path(find_uv_bin()).resolve()
    name = f"uv-{uv_version()}-{platform}"
    return Item("tool", name, sha256_of(path), path.stat().st_size, path.as_uri())


def build(host: Host, sdist: Item, web: Web) -> Path | None:
    """Builds a wheel from a package's source; None if the wheel is not for any system and must be built on the host.

    :raises Unavailable: the source cannot be fetched or built.
    """
    source = web.get(sdist)
    kept = source.parent / "wheel"
    if not any(kept.glob("*.whl")):
        arguments = [
            "build",
            "--wheel",
            "--quiet",
            "--python",
            sys.executable,
            "--out-dir",
            str(kept),
            str(source),
        ]
        done = _uv(host, arguments)
        if done.returncode:
            last = " ".join(done.stderr.strip().splitlines()[-3:])
            raise Unavailable(
                f"{sdist.file} cannot be built: {last}",
                "choose a version of it that has a wheel, under packages",
            )
    wheel = next(kept.glob("*.whl"))
    return wheel if wheel.name.endswith("-none-any.whl") else None
