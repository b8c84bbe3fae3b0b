"""Where conda keeps things, and what it was told by the environment and by ~/.condarc."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

VERSION = "24.0.0"
ROOT = Path(sys.prefix)
SITE = "https://repo.anaconda.com/pkgs"
TRUE = ("1", "yes", "true", "on", "y")


class CondaError(Exception):
    """Its text is shown behind its name, as conda does."""

    def __init__(self, name: str, text: str, code: int = 1) -> None:
        super().__init__(f"{name}: {text}")
        self.code = code


def truth(name: str, default: bool) -> bool:
    """A setting of the environment that is yes or no."""
    word = os.environ.get(name, "").lower()
    return word in TRUE if word else default


def _words(*names: str) -> list[str]:
    return [word for name in names for word in re.split(r"[,:]", os.environ.get(name, "")) if word]


def envs_dirs() -> list[Path]:
    """The one that new environments go to first."""
    own, users = ROOT / "envs", Path.home() / ".conda/envs"
    usual = [own, users] if os.access(ROOT, os.W_OK) else [users, own]
    return [Path(word).expanduser() for word in _words("CONDA_ENVS_DIRS", "CONDA_ENVS_PATH")] + usual


def pkgs_dirs() -> list[Path]:
    """The one that packages go to first."""
    if told := _words("CONDA_PKGS_DIRS"):
        return [Path(word).expanduser() for word in told]
    own, users = ROOT / "pkgs", Path.home() / ".conda/pkgs"
    return [own, users] if os.access(ROOT, os.W_OK) else [users]


def is_environment(prefix: Path) -> bool:
    return (prefix / "conda-meta/history").is_file()


def located(name: str | None, prefix: str | None) -> Path:
    """The environment that `-n` or `-p` names, there or not yet; without either the active one."""
    if prefix:
        return Path(os.path.abspath(os.path.expanduser(prefix)))
    if name is None:
        return Path(os.environ.get("CONDA_PREFIX") or ROOT)
    if name in ("base", "root"):
        return ROOT
    places = [folder / name for folder in envs_dirs()]
    return next((place for place in places if is_environment(place)), places[0])


def existing(name: str | None, prefix: str | None) -> Path:
    """As located, but it must exist."""
    place = located(name, prefix)
    if not is_environment(place):
        what = f"Not a conda environment: {place}" if prefix else f"Could not find conda environment: {name}"
        raise CondaError("EnvironmentLocationNotFound" if prefix else "EnvironmentNameNotFound", what)
    return place


def _listed() -> Path:
    return Path.home() / ".conda/environments.txt"


def known() -> list[Path]:
    """Every environment: the base, the registered ones, and those in the usual folders."""
    listed = _listed().read_text().split("\n") if _listed().exists() else []
    inside = [path for folder in envs_dirs() if folder.is_dir() for path in sorted(folder.iterdir())]
    places = [ROOT, *[Path(line) for line in listed if line.strip()], *inside]
    return [place for place in dict.fromkeys(places) if is_environment(place)]


def register(prefix: Path) -> None:
    """Note an environment in the user's list of all of them, unless told not to."""
    if not truth("CONDA_REGISTER_ENVS", True):
        return
    _listed().parent.mkdir(parents=True, exist_ok=True)
    before = _listed().read_text() if _listed().exists() else ""
    if str(prefix) not in before.split("\n"):
        _listed().write_text(f"{before}{prefix}\n")


def condarc() -> Mapping[str, list[str]]:
    """The lists and plain values of the user's and the installation's .condarc."""
    found: dict[str, list[str]] = {}
    for path in (Path.home() / ".condarc", ROOT / ".condarc"):
        key = ""
        for line in path.read_text().splitlines() if path.is_file() else []:
            if match := re.match(r"(\w+):\s*(.*?)\s*(?:#.*)?$", line):
                key, value = match.groups()
                found.setdefault(key, [value] if value else [])
            elif key and (match := re.match(r"\s*-\s+(\S+)", line)):
                found[key].append(match.group(1))
    return found


def channel_urls(named: list[str], override: bool) -> list[str]:
    """The channels to ask, as URLs."""
    rc = condarc()
    if override and not named:
        text = "At least one -c / --channel flag must be supplied when using --override-channels."
        raise CondaError("ArgumentError", text, 2)
    if not override:
        told = [word for word in os.environ.get("CONDA_CHANNELS", "").split(",") if word]
        named = [*named, *(told or rc.get("channels") or ["defaults"])]
    urls: list[str] = []
    for name in named:
        if name == "defaults":
            urls += rc.get("default_channels") or [f"{SITE}/main", f"{SITE}/r"]
        elif "://" in name:
            urls.append(name.rstrip("/"))
        else:
            urls.append("/".join([*(rc.get("channel_alias") or ["https://conda.anaconda.org"]), name]))
    return list(dict.fromkeys(urls))
