"""`fab init --from FILE`: the machines that another tool's file names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

import yaml
from paramiko import SSHConfig
from paramiko.ssh_exception import ConfigParseError

from tasks.commandline import Mistake
from tasks.inventory import ansible, foreign
from tasks.inventory.foreign import Foreign, Found
from tasks.inventory.loader import MAX_BYTES
from tasks.text.quoting import printed

_HOST = re.compile(r"^\s*(host|match|include)\s*[= ]\s*(.+?)\s*$", re.IGNORECASE)
# names in ~/.ssh/config that are no machines to run anything on
_FORGES = re.compile(
    r"(^|\.)(github|gitlab|bitbucket|codeberg|gitee|sr)\.(com|org|ht)$|^ssh\.dev\.azure\.com$"
)
_DEPTH = 16


def machines(file: str, wanted: Sequence[str]) -> Found:
    """The machines in a file, whose kind is told by its content; exit status 2 if it is none of them.

    :param wanted: names in the file; none: all.
    """
    path = Path(file).expanduser()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Mistake(f"--from: {path} is larger than any such file", "name a file that lists machines")
        text = path.read_text("utf-8")
    except OSError as error:
        raise Mistake(
            f"--from: {path} cannot be read: {error.strerror}", "name a file that lists machines"
        ) from None
    except UnicodeDecodeError:
        raise Mistake(f"--from: {path} is not text", "name a file that lists machines") from None
    try:
        found = _read(path, text, wanted)
    except Foreign as error:
        raise Mistake(f"--from: {path}: {error}", "fab init --host A,B names the machines") from None
    if not found.hosts:
        raise Mistake(f"--from: {path} names no machine", "fab init --host A,B names the machines")
    return found


def _read(path: Path, text: str, wanted: Sequence[str]) -> Found:
    value = _yaml(text)
    if isinstance(value, Mapping) and value:
        if "provider" in value:
            found = foreign.of_ray_up(value)
            return _only(found, wanted)
        head = value.get("head")
        if isinstance(head, str) or (isinstance(head, Mapping) and "host" in head):
            raise Foreign("this is a hosts file already: --hosts-file names it")
        return ansible.taken(ansible.of_yaml(value), wanted, _beside(path))
    if any((line := _HOST.match(one)) and line[1].lower() == "host" for one in text.splitlines()):
        return _ssh_config(path, text, wanted)
    return ansible.taken(ansible.of_ini(text), wanted, _beside(path))


class _Loader(yaml.SafeLoader):
    """Values with a tag, such as those of Ansible's vault, are None."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def _yaml(text: str) -> Any:
    """The value; None if it is not YAML."""
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError):
        return None


def _beside(path: Path) -> ansible.More:
    """The variables in the folders group_vars and host_vars beside an inventory."""

    def more(folder: str, name: str) -> Mapping[str, Any]:
        if "/" in name:
            return {}
        place = path.parent / folder / name
        files = [place, *(place.with_name(f"{name}{end}") for end in (".yml", ".yaml", ".json"))]
        files += [Path(one) for one in sorted(glob(f"{glob_safe(place)}/*"))]
        out: dict[str, Any] = {}
        for file in files:
            if file.is_file():
                value = _yaml(file.read_text("utf-8", "replace"))
                out |= value if isinstance(value, Mapping) else {}
        return out

    return more


def glob_safe(path: Path) -> str:
    """A path in which no character is a pattern."""
    return re.sub(r"([*?[])", r"[\1]", str(path))


def _only(found: Found, wanted: Sequence[str]) -> Found:
    if wanted:
        names = {host for host, _ in found.hosts}
        if missing := [name for name in wanted if name not in names]:
            raise Foreign(f"it has no host {missing[0]}")
        found.hosts = [(host, fields) for name in wanted for host, fields in found.hosts if host == name]
    return found


def _ssh_config(path: Path, text: str, wanted: Sequence[str]) -> Found:
    text = _included(text, path.parent)
    try:
        config = SSHConfig.from_text(text)
        looked = {name: config.lookup(name) for name in _names(text)}
    except (ConfigParseError, ImportError) as error:
        raise Foreign(f"it is not a configuration of ssh: {error}") from None
    own = path.resolve() == Path("~/.ssh/config").expanduser().resolve()
    found = Found("a configuration of ssh")
    jumps = {
        hop.rpartition("@")[2].partition(":")[0]
        for one in looked.values()
        for hop in one.get("proxyjump", "").split(",")
    }
    left: dict[str, list[str]] = {}
    for name, keys in looked.items():
        if _FORGES.search(keys["hostname"]):
            left.setdefault("a forge", []).append(name)
        elif name in jumps and name not in wanted:
            left.setdefault("a jump host", []).append(name)
        else:
            # ssh's own file is read at each login, so the alias says it all
            found.hosts.append((name, {}) if own else _fields(name, keys))
    found.notes = [f"left out, as {what}: {', '.join(names)}" for what, names in left.items()]
    if not own:
        names = {fields.get("name", host): (host, fields) for host, fields in found.hosts}
        if wanted:
            if missing := [name for name in wanted if name not in names]:
                raise Foreign(f"it has no host {missing[0]}")
            found.hosts = [names[name] for name in wanted]
        found.ssh = foreign.common(found.hosts, ("user", "port", "key", "jump"))
        return found
    return _only(found, wanted)


def _fields(name: str, keys: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    fields: dict[str, Any] = {"name": name} if keys["hostname"] != name else {}
    if user := keys.get("user"):
        fields["user"] = user
    if (port := keys.get("port", "22")) != "22":
        fields["port"] = int(port)
    if key := next(iter(keys.get("identityfile", ())), None):
        fields["key"] = key
    jump = keys.get("proxyjump") or foreign.jump_of(keys.get("proxycommand", ""))
    if jump and jump.lower() != "none":
        fields["jump"] = jump
    return keys["hostname"], fields


def _names(text: str) -> list[str]:
    """The names after Host that are no patterns, in the order of the file."""
    names: dict[str, None] = {}
    for line in text.splitlines():
        if (found := _HOST.match(line)) and found[1].lower() == "host":
            names |= {n: None for n in found[2].replace('"', "").split() if not re.search(r"[*?!]", n)}
    return list(names)


def _included(text: str, folder: Path, depth: int = 0) -> str:
    """The text with the files of its Include lines, which paramiko leaves out."""
    lines = []
    for line in text.splitlines():
        found = _HOST.match(line)
        if not found or found[1].lower() != "include":
            lines.append(line)
            continue
        for pattern in found[2].replace('"', "").split():
            whole = Path(pattern).expanduser()
            for one in sorted(glob(str(whole if whole.is_absolute() else folder / whole))):
                if depth < _DEPTH and Path(one).is_file():
                    lines.append(_included(Path(one).read_text("utf-8", "replace"), folder, depth + 1))
    return "\n".join(lines)


def said(found: Found, file: str) -> str:
    """``~/.ssh/config is a configuration of ssh, with 12 machines``."""
    count = len(found.hosts)
    return f"{printed(file)} is {found.kind}, with {count} machine{'s' if count > 1 else ''}"
