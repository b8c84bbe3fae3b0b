"""Which of a host's addresses the cluster uses."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from tasks.node.facts import Address, Facts
from tasks.node.subject import Subject


def usable(facts: Facts) -> list[Address]:
    """Addresses that another machine might reach: neither loopback nor Docker's bridges; IPv4 first."""
    out = [a for a in facts.addresses if not a.virtual and not ipaddress.ip_address(a.ip).is_loopback]
    return sorted(out, key=lambda a: ":" in a.ip)


def _literal(name: str) -> str | None:
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return None


def _reached(subject: Subject) -> list[str]:
    """The addresses by which the operator reaches the host; empty for the operator's machine itself."""
    if subject.host.connection == "local":
        # here $SSH_CONNECTION belongs to the session of whoever is logged in
        return []
    return [a for a in (_literal(subject.host.host), subject.facts.ssh_server_ip) if a]


def _by_default_route(facts: Facts, found: Sequence[Address]) -> str | None:
    for address in found:
        if address.interface == facts.default_interface:
            return address.ip
    return found[0].ip if found else None


def head_ip(head: Subject, workers: Sequence[Subject]) -> str | None:
    """The head's address: ``node_ip``, else the address by which it was reached, else the one in the network that
    it shares with most workers, else that of its default route.

    :returns: None if there is no address that a worker could use.
    """
    if head.host.node_ip:
        return head.host.node_ip
    found = usable(head.facts)
    ips = {a.ip for a in found}
    for candidate in _reached(head):
        if candidate in ips:
            return candidate
    shared = {a.ip: sum(_in_network(w, a) for w in workers) for a in found}
    if any(shared.values()):
        return max(shared, key=lambda ip: shared[ip])
    return _by_default_route(head.facts, found) or (None if workers else "127.0.0.1")


def _in_network(subject: Subject, address: Address) -> bool:
    return any(
        a.prefix == address.prefix and a.network == address.network and a.prefix not in (32, 128)
        for a in usable(subject.facts)
    )


def worker_ip(worker: Subject, head: str) -> str | None:
    """A worker's address: ``node_ip``, else one in the head's network, else the one by which it was reached."""
    if worker.host.node_ip:
        return worker.host.node_ip
    address = ipaddress.ip_address(head)
    found = [a for a in usable(worker.facts) if a.network.version == address.version]
    near = [a.ip for a in found if address in a.network]
    asked = _reached(worker)
    for candidate in asked:
        if candidate in near:
            return candidate
    if near:
        return near[0]
    for candidate in asked:
        if candidate in {a.ip for a in found}:
            return candidate
    return _by_default_route(worker.facts, found)


def join(ip: str, port: int) -> str:
    """``ip:port``, with brackets around IPv6."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
