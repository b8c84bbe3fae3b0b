"""Miniconda's and Miniforge's installers: which one a system needs, and its published SHA-256."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from tasks.inventory import Host
from tasks.inventory.ray_versions import parse
from tasks.node.platforms import CONDA
from tasks.runtimes.conda.scripts import Item
from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.web import Web, sha256_of

MINICONDA = "https://repo.anaconda.com/miniconda/"
MINIFORGE = "https://github.com/conda-forge/miniforge/releases/latest/download/"
_SHA = re.compile(r"\b[0-9a-f]{64}\b")
_FIX = "conda.installer names another one (a URL or a file, with conda.installer_sha256)"


def installer(host: Host, platform: str, web: Web) -> Item:
    """The installer for one platform.

    :param platform: conda's name, as in ``linux-64``.
    :raises Unavailable: there is none, or it cannot be verified.
    """
    kind = host.conda.installer
    if "://" in kind:
        return _weighed(_name(kind), host.conda.installer_sha256.lower(), kind, web)
    if host.conda.needs_sha256:
        return _of_a_file(Path(kind).expanduser(), host.conda.installer_sha256.lower())
    if kind == "miniforge":
        return _miniforge(host.mirrors.miniforge or MINIFORGE, platform, web)
    return _miniconda(host.mirrors.miniconda or MINICONDA, platform, web)


def _weighed(name: str, sha256: str, url: str, web: Web) -> Item:
    return Item("installer", name, sha256, web.size(url, sha256, name), url)


def _name(url: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+!-]", "_", urlsplit(url).path.rsplit("/", 1)[-1]) or "installer.sh"


def _of_a_file(path: Path, sha256: str) -> Item:
    if not path.is_file():
        raise Unavailable(f"conda.installer: there is no file {path}", "name an installer that is there", 2)
    if sha256_of(path) != sha256:
        raise Unavailable(
            f"conda.installer: {path} has another SHA-256 than conda.installer_sha256",
            "download the file again, or correct its SHA-256",
            2,
        )
    return Item("installer", _name(path.name), sha256, path.stat().st_size, path.resolve().as_uri())


def _suffix(platform: str) -> tuple[str, str, str]:
    system, arch = CONDA[platform]
    return "MacOSX" if system == "Darwin" else system, arch, "exe" if system == "Windows" else "sh"


def _miniconda(folder: str, platform: str, web: Web) -> Item:
    folder = folder.rstrip("/") + "/"
    system, arch, ending = _suffix(platform)
    pattern = rf"Miniconda3-py\d+_[\w.]+(?:-\w+)*-{system}-{arch}\.{ending}"
    page = web.text(folder) or ""
    sums = checksums(page, pattern)
    names = [n for n in sums if "latest" not in n]
    if not names:
        raise Unavailable(f"there is no Miniconda for {platform} in {folder}", _FIX)
    name = max(names, key=_age)
    sha256 = sums[name] or _beside(web, urljoin(folder, name), name)
    if not sha256 and folder != MINICONDA:
        # a mirror may lack the checksums; Anaconda's own site lists them
        sha256 = checksums(web.text(MINICONDA) or "", pattern).get(name)
    url = urljoin(folder, name)
    return _weighed(name, _told(sha256, name, folder), url, web)


def _age(name: str) -> tuple:
    python, _, rest = name.removeprefix("Miniconda3-py").partition("_")
    return parse(rest.replace("-", ".", 1)), [int(n) for n in re.findall(r"\d+", rest)[:4]], int(python)


def _miniforge(folder: str, platform: str, web: Web) -> Item:
    system, arch, ending = _suffix(platform)
    name = f"Miniforge3-{system}-{arch}.{ending}"
    url = urljoin(folder.rstrip("/") + "/", name)
    return _weighed(name, _told(_beside(web, url, name), name, folder), url, web)


def _beside(web: Web, url: str, name: str) -> str | None:
    """The checksum from the file that is published next to the installer; None if there is none."""
    text = web.text(f"{url}.sha256") or ""
    lines = [line for line in text.splitlines() if name in line] or text.splitlines()[:1]
    found = _SHA.search(lines[0].lower()) if lines else None
    return found.group(0) if found else None


def _told(sha256: str | None, name: str, folder: str) -> str:
    if sha256 is None:
        raise Unavailable(f"no SHA-256 is published for {name} ({folder})", _FIX)
    return sha256


def checksums(page: str, pattern: str) -> dict[str, str | None]:
    """The files that a folder's page links to, each with the SHA-256 in its row of the table, if there is one."""
    out: dict[str, str | None] = {}
    links = list(re.finditer(r'href="([^"]+)"', page))
    for link, following in zip(links, [*links[1:], None], strict=False):
        name = html.unescape(link.group(1)).rsplit("/", 1)[-1]
        if not re.fullmatch(pattern, name):
            continue
        row = page[link.end() : following.start() if following else len(page)]
        found = _SHA.search(row.lower())
        out[name] = out.get(name) or (found.group(0) if found else None)
    return out
