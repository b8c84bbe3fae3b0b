"""What the head remembers of each host that was deployed, and which of them have left the hosts file.

It is a file in the head's own folder, one line of JSON: ``{"format": 1, "hosts": [{"name": ..., ...}]}``. It has what
is needed to find a host again, and no secret: passwords come from the hosts file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from tasks.inventory import Host

FORMAT = 1


@dataclass(frozen=True)
class Deployed:
    """One host, as a deploy left it.

    :param node_ip: the address of its node; '' while unknown.
    :param machine: the machine's own name and the beginning of its id; '' while unknown.
    """

    name: str
    host: str
    user: str | None = None
    port: int | None = None
    connection: str = "ssh"
    key: str | None = None
    jump: tuple[str, ...] = ()
    host_keys: str = "accept-new"
    runtime: str = ""
    node_ip: str = ""
    machine: str = ""

    @property
    def place(self) -> tuple[str, int | None]:
        """How the machine is found: no two hosts of a cluster have the same."""
        return self.host, self.port

    def login(self) -> dict[str, Any]:
        """The keys of a :class:`~tasks.inventory.Host` by which it is reached."""
        names = ("host", "user", "port", "connection", "key", "jump", "host_keys")
        return {name: getattr(self, name) for name in names}


def deployed(host: Host, node_ip: str, machine: str) -> Deployed:
    """What is remembered of a host of the hosts file. :param machine: see :func:`tasks.node.homes.host_id`."""
    return Deployed(
        host.name,
        host.host,
        host.user,
        host.port,
        host.connection,
        host.key,
        tuple(host.jump),
        host.host_keys,
        host.runtime,
        node_ip,
        machine,
    )


def parse(text: str) -> list[Deployed]:
    """The hosts in the file; none if it is not valid, or of a later format."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return []
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return []
    hosts = found.get("hosts")
    known = {one.name for one in fields(Deployed)}
    out = []
    for one in hosts if isinstance(hosts, list) else []:
        if isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("host"), str):
            kept = {key: value for key, value in one.items() if key in known}
            out.append(Deployed(**{**kept, "jump": tuple(kept.get("jump") or ())}))
    return out


def text_of(hosts: Iterable[Deployed]) -> str:
    """The file's one line; '' for no hosts. What has its default value is left out."""
    listed = []
    for one in sorted(hosts, key=lambda one: (one.name, one.host)):
        written = {key: list(value) if key == "jump" else value for key, value in asdict(one).items()}
        default = {"user": None, "port": None, "key": None, "jump": [], "node_ip": "", "machine": ""}
        listed.append(
            {key: value for key, value in written.items() if key not in default or value != default[key]}
        )
    return json.dumps({"format": FORMAT, "hosts": listed}, sort_keys=True) if listed else ""


def same(one: Deployed, other: Deployed) -> bool:
    """Whether both are the same machine: its place, its node's address, or its name and its own id are the same."""
    if one.place == other.place or (one.node_ip and one.node_ip == other.node_ip):
        return True
    return one.name == other.name and (not one.machine or not other.machine or one.machine == other.machine)


def left(remembered: Sequence[Deployed], listed: Sequence[Deployed]) -> list[Deployed]:
    """Those that are no host of the hosts file. :param listed: its hosts, as far as they are known."""
    return [one for one in remembered if not any(same(one, other) for other in listed)]


def merged(
    remembered: Sequence[Deployed], now: Sequence[Deployed], gone: Sequence[Deployed]
) -> list[Deployed]:
    """What is remembered after a run. :param now: hosts that are deployed; :param gone: hosts that are not any more."""
    kept = [one for one in remembered if not any(same(one, other) for other in (*now, *gone))]
    return [*kept, *now]
