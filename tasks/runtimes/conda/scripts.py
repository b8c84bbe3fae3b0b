"""The scripts of `runtime: conda`: packages into a host's store, and from there an environment.

Everything that a host needs is a file with a name, a size and a SHA-256. Files come into the store whatever their
source (downloaded, carried, taken from another host), and what is installed comes out of the store alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.inventory import Host
from tasks.node.names import basics
from tasks.script.script import Script, Value, render

KINDS = ("conda", "mamba", "micromamba")  # the one that is rather used first
PREFIX_STATES = ("absent", "ours", "found", "broken", "foreign")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!-]*")
# no blank, and nothing that a downloader's own list of URLs would read in another way
_URL = re.compile(r"-|[a-z]+://[!#-\[\]-~]+")


@dataclass(frozen=True)
class Item:
    """One file that a host needs.

    :param kind: conda, wheel, sdist, installer or tool (uv's own wheel).
    :param size: bytes.
    :param url: where a host fetches it; "-": from nowhere, it is carried there.
    """

    kind: str
    file: str
    sha256: str
    size: int
    url: str

    def __post_init__(self) -> None:
        if self.kind not in ("conda", "wheel", "sdist", "installer", "tool"):
            raise ValueError(f"not a kind of file: {self.kind!r}")
        if not _FILE.fullmatch(self.file) or self.file.endswith(".part"):
            raise ValueError(f"not a file's name: {self.file!r}")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"{self.file}: not a SHA-256: {self.sha256!r}")
        if not 0 < self.size < 1 << 50:
            raise ValueError(f"{self.file}: not a size: {self.size!r}")
        if not _URL.fullmatch(self.url):
            raise ValueError(f"{self.file}: not a URL: {self.url!r}")


@dataclass(frozen=True)
class Conda:
    """A conda, mamba or micromamba that a host has."""

    kind: str
    version: str
    path: str


def conda_values(host: Host) -> dict[str, Value]:
    """What the script of questions needs to look for conda."""
    return {"CONDA_PREFIX_WANTED": _prefix(host)}


def _prefix(host: Host) -> str:
    """The prefix as the scripts want it: one that does not begin with a slash lies in the user's home."""
    prefix = host.conda.prefix
    return prefix[1:].lstrip("/") if prefix.startswith("~") else prefix


def parse_condas(lines: Sequence[str]) -> tuple[Conda, ...]:
    """``conda 24.1.2 /opt/conda/bin/conda`` a line; conda before mamba, else in the order of the answer."""
    pattern = re.compile(r"(\w+) (\S+) ((?:/|[A-Za-z]:\\).+)")
    found = [Conda(*got.groups()) for line in lines if (got := pattern.fullmatch(line))]
    return tuple(sorted((c for c in found if c.kind in KINDS), key=lambda c: KINDS.index(c.kind)))


def fetch_script(
    cluster: str,
    items: Sequence[Item],
    *,
    base: str = "",
    proxy: str = "",
    no_proxy: str = "",
    ca: bool = False,
) -> Script:
    """Fetches what is not in the store. It does not fail for what it cannot get: that is the answer's ``missing``.

    What was carried there as ``FILE.part`` is checked and taken over without a download.

    :param base: ``http://address:port`` of a host that serves its store; the secret part of its path is handed
        over beside the script, as RF_SEED.
    :param proxy: URL of a proxy for the vendors' and mirrors' addresses; a seed is asked without one.
    :param no_proxy: names that need no proxy, with commas.
    :param ca: authorities have been carried to ``~/.rayfab/.ca.pem``.
    """
    values = {
        **basics(cluster),
        "ITEMS": "\n".join(f"{i.file} {i.sha256} {i.size} {i.url.partition('#')[0]}" for i in _once(items)),
        "BASE": base.rstrip("/"),
        "PROXY": proxy,
        "NO_PROXY_FOR": no_proxy,
        "CA": ca,
    }
    secrets = ("RF_SEED",) if base else ()
    return render("fetch packages", "fetch", values, secrets=secrets)


def conda_script(
    host: Host,
    cluster: str,
    *,
    env_id: str,
    python: str,
    items: Sequence[Item],
    lock: str,
    uv_version: str,
    conda: Conda | None = None,
    proxy: str = "",
    no_proxy: str = "",
) -> Script:
    """An environment with the locked packages, all of them out of the store.

    :param python: the full version that it must have.
    :param items: all of them, with the installer where there is no conda, and uv's own wheel.
    :param lock: kept beside the environment.
    :param conda: the one to use; None: the one in ``conda.prefix``, which is installed where it is missing.
    """
    of_kind = {item.kind: item.file for item in items}
    values = {
        **basics(cluster),
        "ITEMS": "\n".join(f"{i.kind} {i.file} {i.sha256} {i.size}" for i in _once(items)),
        "PREFIX": _prefix(host),
        "INSTALLER": of_kind.get("installer", ""),
        "CONDA": conda.path if conda else "",
        "CONDA_KIND": conda.kind if conda else "conda",
        "ENV_ID": env_id,
        "PYTHON_VERSION": python,
        "INDEX": host.mirrors.pypi,
        "UV_VERSION": uv_version,
        "UV_WHEEL": of_kind.get("tool", ""),
        "ACCEPT_TERMS": "yes" if host.conda.accept_terms else "no",
        "LOCK": lock,
        "PROXY": proxy,
        "NO_PROXY_FOR": no_proxy,
    }
    return render("install Ray with conda", "conda_install", values)


def _once(items: Sequence[Item]) -> list[Item]:
    """Each file once. Two of one name cannot lie in one folder: that is said here, not found out on a host."""
    seen: Mapping[str, Item] = {}
    for item in items:
        if seen.setdefault(item.file, item).sha256 != item.sha256:
            raise ValueError(f"two different files are called {item.file}")
    return list(seen.values())
