"""An Ansible inventory, in INI, YAML or the JSON of ``ansible-inventory --list``, as a list of hosts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tasks.inventory import ranges
from tasks.inventory.foreign import Foreign, Found, common, jump_of

_USER = ("ansible_user", "ansible_ssh_user")
_PORT = ("ansible_port", "ansible_ssh_port")
_KEY = ("ansible_ssh_private_key_file", "ansible_private_key_file")
_SECRET = re.compile(r"ansible_(ssh_|become_|sudo_)?pass(word)?$")
_HEADS = re.compile(r"(ray[_-]?)?(head|heads|master|masters|leader|control|controller)$", re.IGNORECASE)
# of a letter range, and Ansible's colon and step
_RANGE = re.compile(r"\[([A-Za-z0-9]+):([A-Za-z0-9]+)(?::(\d+))?\]")
More = Callable[[str, str], Mapping[str, Any]]


class Groups:
    """Groups with their hosts, child groups and variables."""

    def __init__(self) -> None:
        self.members: dict[str, list[str]] = {"all": []}
        self.children: dict[str, list[str]] = {}
        self.vars: dict[str, dict[str, Any]] = {}
        self.host_vars: dict[str, dict[str, Any]] = {}

    def add(self, group: str, host: str, given: Mapping[str, Any]) -> None:
        for name in expand(host):
            for where in (group, "all"):
                if name not in self.members.setdefault(where, []):
                    self.members[where].append(name)
            self.host_vars.setdefault(name, {}).update(given)

    def hosts_of(self, group: str, seen: frozenset[str] = frozenset()) -> list[str]:
        """The hosts of a group and of the groups in it."""
        out = dict.fromkeys(self.members.get(group, ()))
        for child in self.children.get(group, ()):
            if child not in seen:
                out |= dict.fromkeys(self.hosts_of(child, seen | {group}))
        return list(out)

    def depth(self, group: str, seen: frozenset[str] = frozenset()) -> int:
        """How far a group is below ``all``: variables of deeper groups win."""
        if group == "all" or group in seen:
            return 0
        above = [name for name, inner in self.children.items() if group in inner]
        return 1 + max((self.depth(name, seen | {group}) for name in above), default=0)

    def variables(self, host: str, more: More) -> dict[str, Any]:
        names = {*self.members, *self.children, *self.vars}
        groups = sorted(
            (g for g in names if g == "all" or host in self.hosts_of(g)), key=lambda g: (self.depth(g), g)
        )
        out: dict[str, Any] = {}
        for group in groups:
            out |= {**self.vars.get(group, {}), **more("group_vars", group)}
        return {**out, **self.host_vars.get(host, {}), **more("host_vars", host)}


def expand(pattern: str) -> list[str]:
    """``web[01:03].lab`` -> its names."""
    found = _RANGE.search(pattern)
    if not found:
        return [pattern]
    first, last, step = found[1], found[2], int(found[3] or 1)
    if first.isdigit() and last.isdigit():
        width = len(first) if first.startswith("0") else 0
        items = [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]
    else:
        items = [chr(code) for code in range(ord(first[0]), ord(last[0]) + 1, step)]
    if not 0 < len(items) <= ranges.MAX_HOSTS:
        raise Foreign(f"the range {found[0]} names no hosts, or more than {ranges.MAX_HOSTS}")
    rest = [pattern[: found.start()] + item + pattern[found.end() :] for item in items]
    return [name for one in rest for name in expand(one)]


def of_ini(text: str) -> Groups:
    """:raises Foreign: a line is not that of an inventory."""
    groups, section, kind = Groups(), "all", "hosts"
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if head := re.fullmatch(r"\[([^\]:]+)(?::(\w+))?\]\s*([#;].*)?", line):
            section, kind = head[1].strip(), head[2] or "hosts"
            groups.members.setdefault(section, [])
            continue
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            raise Foreign(f"line {number}: a quote is not closed") from None
        if kind == "vars":
            key, equals, value = line.partition("=")
            if not equals:
                raise Foreign(f"line {number}: expected NAME=VALUE")
            groups.vars.setdefault(section, {})[key.strip()] = value.strip().strip("'\"")
        elif kind == "children":
            groups.children.setdefault(section, []).append(words[0])
        elif words:
            given = dict(word.split("=", 1) for word in words[1:] if "=" in word)
            if len(given) != len(words) - 1:
                raise Foreign(f"line {number}: expected a host and NAME=VALUE")
            host, port = words[0], re.fullmatch(r"([^:\[]+(?:\[[^\]]*\][^:]*)?):(\d+)", words[0])
            if port:
                host, given = port[1], {"ansible_port": port[2], **given}
            groups.add(section, host, given)
    return groups


def of_yaml(value: Mapping[str, Any]) -> Groups:
    """YAML as in the manual of Ansible, or what ``ansible-inventory --list`` prints."""
    groups = Groups()
    listed = value.get("_meta")
    for name, group in value.items():
        if name != "_meta":
            _group(groups, str(name), group)
    if isinstance(listed, Mapping):
        for host, given in (listed.get("hostvars") or {}).items():
            groups.host_vars.setdefault(str(host), {}).update(given or {})
    return groups


def _group(groups: Groups, name: str, value: Any) -> None:
    groups.members.setdefault(name, [])
    if not isinstance(value, Mapping):
        return
    groups.vars.setdefault(name, {}).update(value.get("vars") or {})
    hosts = value.get("hosts") or {}
    for host in hosts:
        given = hosts[host] if isinstance(hosts, Mapping) else None
        groups.add(name, str(host), given if isinstance(given, Mapping) else {})
    children = value.get("children") or {}
    for child in children:
        groups.children.setdefault(name, []).append(str(child))
        if isinstance(children, Mapping):
            _group(groups, str(child), children[child])


def taken(groups: Groups, wanted: Iterable[str], more: More) -> Found:
    """The hosts of an inventory.

    :param wanted: names of groups and hosts; none: all of it. The first host is the head, unless a group is named so.
    :param more: the variables beside the inventory, from ``group_vars`` or ``host_vars`` and a name.
    :raises Foreign: there is no such group or host, or no host at all.
    """
    found, every, names = Found("an Ansible inventory"), groups.hosts_of("all"), []
    for word in wanted:
        inside = groups.hosts_of(word) or [host for host in every if host == word]
        if not inside:
            raise Foreign(f"it has no group and no host {word}")
        names += inside
    names = list(dict.fromkeys(names or every))
    if not names:
        raise Foreign("it has no hosts")
    heads = [host for group in groups.members if _HEADS.fullmatch(group) for host in groups.hosts_of(group)]
    if not list(wanted) and (head := next((host for host in heads if host in names), None)):
        names = [head, *(name for name in names if name != head)]
    secret, open_ = set(), set()
    for name in names:
        given = groups.variables(name, more)
        secret |= {key for key in given if _SECRET.match(key)}
        found.hosts.append(_host(name, given, open_))
    found.ssh = common(found.hosts, ("user", "port", "key", "jump"))
    if secret:
        found.notes.append(
            f"passwords are not taken over ({', '.join(sorted(secret))}): password: {{prompt: true}}"
        )
    if open_:
        found.notes.append(f"not taken over, since Ansible computes them: {', '.join(sorted(open_))}")
    return found


def _host(name: str, given: Mapping[str, Any], open_: set[str]) -> tuple[str, dict[str, Any]]:
    def one(*keys: str) -> str:
        for key in keys:
            value = given.get(key)
            if value is not None and "{{" in str(value):
                open_.add(key)
            elif value is not None:
                return str(value)
        return ""

    address = one("ansible_host", "ansible_ssh_host") or name
    fields: dict[str, Any] = {"name": name} if address != name else {}
    if one("ansible_connection") == "local":
        fields["connection"] = "local"
    if user := one(*_USER, "remote_user"):
        fields["user"] = user
    if (port := one(*_PORT)).isdigit() and port != "22":
        fields["port"] = int(port)
    if key := one(*_KEY):
        fields["key"] = key
    if jump := jump_of(" ".join([one("ansible_ssh_common_args"), one("ansible_ssh_extra_args")])):
        fields["jump"] = jump
    return address, fields
