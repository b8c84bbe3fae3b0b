"""Which of a host's addresses the cluster uses."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence

from tasks.node.facts import Facts
from tasks.node.interfaces import Address
from tasks.node.subject import Subject


def usable(facts: Facts, without: Collection[str] = ()) -> list[Address]:
    """Addresses that another machine might reach: neither loopback nor a bridge for containers.

    IPv4 comes first, a VPN's addresses come last, and that of the default route before others of its kind.

    :param without: addresses that are nobody's, see :func:`nobodys`.
    """
    out = [a for a in facts.addresses if not a.virtual and not _loopback(a.ip) and a.ip not in without]
    return sorted(out, key=lambda a: (":" in a.ip, a.vpn, a.interface != facts.default_interface))


def nobodys(subjects: Iterable[Subject]) -> frozenset[str]:
    """The addresses that several hosts have, as behind VirtualBox's NAT, so that they lead to none of them."""
    machines: dict[str, set[str]] = {}
    for subject in subjects:
        facts = subject.facts
        machine = f"{facts.boot_id} {facts.machine_id} {facts.hostname} {subject.name}"
        for address in facts.addresses:
            if not _loopback(address.ip):
                machines.setdefault(address.ip, set()).add(machine)
    return frozenset(ip for ip, found in machines.items() if len(found) > 1)


def _loopback(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_loopback


def _literal(name: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address((name or "").strip("[]")))
    except ValueError:
        return None


def _reached(subject: Subject, without: Collection[str]) -> list[str]:
    """The host's own addresses by which the operator reaches it; empty for the operator's machine itself.

    One that the hosts file names is never virtual, whatever its interface is called.
    """
    if subject.host.connection == "local":
        # here $SSH_CONNECTION belongs to the session of whoever is logged in
        return []
    named, arrived = _literal(subject.host.host), _literal(subject.facts.ssh_server_ip)
    own = {a.ip: a for a in subject.facts.addresses if not _loopback(a.ip) and a.ip not in without}
    out = [named] if named in own else []
    return out + ([arrived] if arrived in own and not own[arrived].virtual else [])


def _seen_by(workers: Sequence[Subject], found: Collection[str]) -> str | None:
    """The address of the operator's machine from which most workers are reached."""
    seen = [_literal(worker.facts.ssh_client_ip) for worker in workers if worker.host.connection != "local"]
    counts = {ip: seen.count(ip) for ip in seen if ip in found}
    return max(counts, key=lambda ip: counts[ip], default=None)


def head_ip(head: Subject, workers: Sequence[Subject]) -> str | None:
    """The head's address: ``node_ip``, else the address by which it was reached, else the one in the network that
    it shares with most workers, else that of its default route. A head that is the operator's machine has the address
    from which that machine reaches the workers.

    :returns: None if there is no address that a worker could use.
    """
    if head.host.node_ip:
        return head.host.node_ip
    without = nobodys([head, *workers])
    found = usable(head.facts, without)
    if reached := _reached(head, without):
        return reached[0]
    if head.host.connection == "local":
        own = {a.ip for a in head.facts.addresses if not _loopback(a.ip) and a.ip not in without}
        if seen := _seen_by(workers, own):
            return seen
    # of several with as many workers, the first one
    shared = {a.ip: sum(_in_network(w, a, without) for w in workers) for a in found}
    if any(shared.values()):
        return max(shared, key=lambda ip: shared[ip])
    return found[0].ip if found else None if workers else "127.0.0.1"


def _in_network(subject: Subject, address: Address, without: Collection[str]) -> bool:
    return any(
        a.prefix == address.prefix and a.network == address.network and a.prefix not in (32, 128)
        for a in usable(subject.facts, without)
    )


def worker_ip(worker: Subject, head: str, without: Collection[str] = ()) -> str | None:
    """A worker's address: ``node_ip``, else one in the head's network, else the one by which it was reached.

    :param without: addresses that are nobody's, see :func:`nobodys`.
    """
    if worker.host.node_ip:
        return worker.host.node_ip
    address = ipaddress.ip_address(head)
    found = [a for a in usable(worker.facts, without) if a.network.version == address.version]
    asked = _reached(worker, without)
    near = [a.ip for a in found if address in a.network]
    # an address that the hosts file names may be on an interface that is not in the list
    named = [ip for ip in asked if ipaddress.ip_address(ip).version == address.version]
    for candidate in (*(ip for ip in named if ip in near), *near, *named):
        return candidate
    return found[0].ip if found else None


def no_address(subject: Subject, without: Collection[str]) -> tuple[str, str]:
    """Why a host has no address for the cluster, and how to fix it; two empty texts if nothing is known."""
    taken = sorted(a.ip for a in subject.facts.addresses if a.ip in without and not a.virtual)
    if not taken or usable(subject.facts, without):
        return "", ""
    return (
        f"its address {taken[0]} is on other hosts too, so it leads to none of them",
        "give the machines a network that they share (in Vagrant: private_network), or set node_ip",
    )


def join(ip: str, port: int) -> str:
    """``ip:port``, with brackets around IPv6."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
