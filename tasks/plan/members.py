"""Which entry of Ray's node table belongs to which host. Each entry is of one host, or of none."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Member:
    """How a host's node is known in Ray's node table.

    :param host: the host's name in the hosts file.
    :param name: the name that its last start gave to the node.
    :param address: the address that its last start gave to the node; '' if any counts.
    :param node_id: the id of the raylet that runs on the host; '' if unknown.
    """

    host: str
    name: str
    address: str
    node_id: str = ""

    def is_at(self, entry: Entry) -> bool:
        """Whether the entry has this node's name and address."""
        return entry["name"] == self.name and self.address in ("", entry["node_ip"])


def anywhere(address: str) -> str:
    """The address by which a node is known; '' for loopback, in whose place Ray takes another one."""
    try:
        return "" if ipaddress.ip_address(address).is_loopback else address
    except ValueError:
        return address


def assign(table: Sequence[Entry], members: Iterable[Member]) -> dict[str, Entry]:
    """The entry of each host that has one, by the host's name.

    A restarted node is in the table twice, and its old entry may still count as alive: the one with the raylet's id is
    right, else the one on which a task ran.
    """
    found: dict[str, Entry] = {}
    left = list(table)
    for member in sorted(members, key=lambda one: not one.node_id):
        mine = [entry for entry in left if member.is_at(entry)]
        if member.node_id and any(entry.get("node_id") for entry in mine):
            # what is not of this raylet is from an earlier start
            mine = [entry for entry in mine if entry.get("node_id") == member.node_id or not entry["alive"]]
        if mine:
            best = max(mine, key=lambda e: (e.get("node_id") == member.node_id, "task" in e, e["alive"]))
            found[member.host] = best
            left = [entry for entry in left if entry is not best]
    return found


def strangers(
    table: Sequence[Entry], members: Iterable[Member], assigned: Mapping[str, Entry]
) -> list[Entry]:
    """The living nodes that belong to no host; an earlier start of a host's own node is no stranger."""
    known = list(members)
    taken = {id(entry) for entry in assigned.values()}
    return [e for e in table if e["alive"] and id(e) not in taken and not any(m.is_at(e) for m in known)]
