"""The host names of a hosts file, read fast: a file with mistakes has none, and nothing is reported."""

from __future__ import annotations

import os
import stat
import sys

LARGEST = 4 << 20  # bytes; more cannot be read while somebody waits


def path(words: list[str], folder: str) -> str:
    """The hosts file that a typed line is about, chosen in the same order as the tasks choose it.

    :param folder: that of the user's hosts file: the checkout, or the current folder.
    """
    named = os.environ.get("RAY_HOSTS_FILE", "")
    for at, word in enumerate(words):
        if word == "--":
            break
        if word == "--hosts-file":
            named = words[at + 1] if at + 1 < len(words) else named
        elif word.startswith("--hosts-file="):
            named = word.partition("=")[2]
    if named:
        return os.path.expanduser(os.path.expandvars(named))
    own = os.path.join(folder, "my_hosts.yml")
    return own if os.path.exists(own) else os.path.join(folder, "hosts.yml")


def hosts(file: str, libraries: str) -> list[tuple[str, str, str]]:
    """Name, address and role of each host; none where the file cannot be read.

    Groups and labels of hosts follow, as `--limit` takes them: the text, what it stands for, `group` or `label`.

    :param libraries: the folder that PyYAML is in.
    """
    try:
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return []
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
        return read(text, libraries)
    except Exception:  # the parser raises many kinds, and somebody is typing
        return []


def read(text: str, libraries: str) -> list[tuple[str, str, str]]:
    """As `hosts`, from the text. :raises Exception: it is no hosts file."""
    if libraries not in sys.path:
        sys.path.append(libraries)
    import yaml

    # every scalar as it is written: the name 007 is not the number 7
    found = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    entries = [(found.get("head"), "head"), *((entry, "worker") for entry in found.get("workers") or ())]
    listed = [host for entry, role in entries for host in _entry(entry, role)]
    return [*listed, *_groups(found.get("groups")), *_labels(entry for entry, _ in entries)]


def _groups(groups) -> list[tuple[str, str, str]]:
    groups = groups if isinstance(groups, dict) else {}
    items = {name: [of] if isinstance(of, str) else of or () for name, of in groups.items()}
    return [(f"@{name}", ", ".join(map(str, of)), "group") for name, of in items.items()]


def _labels(entries) -> list[tuple[str, str, str]]:
    labels = [entry.get("labels") for entry in entries if isinstance(entry, dict)]
    pairs = dict.fromkeys(pair for one in labels if isinstance(one, dict) for pair in one.items())
    return [(f"label:{key}={value}", "", "label") for key, value in pairs if isinstance(value, str)]


def _entry(entry, role: str) -> list[tuple[str, str, str]]:
    if isinstance(entry, str):
        entry = {"host": entry}
    if not isinstance(entry, dict) or not isinstance(entry.get("host"), str):
        return []
    expand = _ranges().expand
    addresses = expand(_place(entry["host"]))
    names = expand(entry["name"]) if isinstance(entry.get("name"), str) and entry["name"] else addresses
    return [(name, address, role) for name, address in zip(names, addresses, strict=True)]


def _place(written: str) -> str:
    """`user@host:port` -> host; `[fe80::1]:22` -> fe80::1."""
    host = written.rpartition("@")[2]
    before, colon, port = host.rpartition(":")
    if colon and port.isdigit() and (":" not in before or before.endswith("]")):
        host = before
    return host[1:-1] if host.startswith("[") and host.endswith("]") and ":" in host else host


def _ranges():
    """tasks.inventory.ranges by its path: its package imports pydantic, which takes long."""
    name = "rayfab_ranges"
    if name not in sys.modules:
        from importlib.util import module_from_spec, spec_from_file_location

        file = os.path.join(os.path.dirname(os.path.dirname(__file__)), "inventory", "ranges.py")
        spec = spec_from_file_location(name, file)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]
