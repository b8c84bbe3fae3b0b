"""pip's settings for the package index, translated for uv, which does not read them."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

MACOS = "Library/Application Support/pip/pip.conf"
SYSTEM_FILES = (Path("/", MACOS), Path("/etc/pip.conf"))
SECTIONS = ("global", "install")
# A pip setting, the uv variables for it, and the separator between several values.
SAME = {
    "index-url": (("UV_INDEX_URL", "UV_DEFAULT_INDEX"), " "),
    "extra-index-url": (("UV_EXTRA_INDEX_URL",), " "),
    "find-links": (("UV_FIND_LINKS",), ","),
    "no-index": (("UV_NO_INDEX",), " "),
    "trusted-host": (("UV_INSECURE_HOST",), " "),
    "constraint": (("UV_CONSTRAINT",), " "),
    "cert": (("SSL_CERT_FILE",), " "),
    "proxy": (("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), " "),
    "timeout": (("UV_HTTP_TIMEOUT",), " "),
    "default-timeout": (("UV_HTTP_TIMEOUT",), " "),
}
# These settings do not affect where packages come from.
HARMLESS = {"disable-pip-version-check", "no-cache-dir", "cache-dir", "progress-bar", "user", "no-input"}
HARMLESS |= {
    "no-color",
    "root-user-action",
    "break-system-packages",
    "require-virtualenv",
    "quiet",
    "verbose",
}
HARMLESS |= {"no-warn-script-location", "retries", "no-compile", "config-file", "target", "prefix", "root"}


def for_uv(environment: Mapping[str, str]) -> dict[str, str] | None:
    """Environment variables for uv; None if pip has a setting that uv does not support."""
    told = _told(environment)
    if not told.keys() <= SAME.keys() | HARMLESS:
        return None
    out: dict[str, str] = {}
    for name, (variables, between) in SAME.items():
        if value := between.join(told.get(name, "").split()):
            out |= dict.fromkeys(variables, value)
    if "extra-index-url" in told:
        # as pip does: the newest version on any index
        out["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return out


def _told(environment: Mapping[str, str]) -> dict[str, str]:
    """pip's settings by name, from its files, then from its environment variables."""
    told: dict[str, str] = {}
    files = [_read(place) for place in _files(environment)]
    for section in SECTIONS:
        for file in files:
            if file.has_section(section):
                told |= {_plain(name): value for name, value in file.items(section) if value}
    variables = {name[4:]: value for name, value in environment.items() if name.startswith("PIP_") and value}
    return told | {_plain(name): value for name, value in variables.items()}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").lstrip("-")


def _files(environment: Mapping[str, str]) -> list[Path]:
    """pip's configuration files; later ones override earlier ones."""
    own = environment.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return []
    home = Path(environment.get("HOME") or "/nonexistent")
    everybody = (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    user = environment.get("XDG_CONFIG_HOME") or home / ".config"
    places = [Path(folder, "pip/pip.conf") for folder in everybody] + [*SYSTEM_FILES]
    if not own:
        places += [home / ".pip/pip.conf", home / MACOS, Path(user, "pip/pip.conf")]
    return [*places, Path(sys.prefix, "pip.conf"), *([Path(own)] if own else [])]


def _read(path: Path) -> configparser.RawConfigParser:
    file = configparser.RawConfigParser(strict=False)
    try:
        file.read_string(path.read_text("utf-8", errors="replace"))
    except OSError:
        pass  # the file does not exist
    except configparser.Error:
        # pip itself reports what is wrong with it
        file.read_dict({"global": {"unreadable": str(path)}})
    return file
