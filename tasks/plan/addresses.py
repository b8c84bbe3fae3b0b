"""The address that each node gets in the cluster, and why a host can have none."""

from __future__ import annotations

from collections.abc import Sequence

from tasks import runtimes
from tasks.node.addresses import head_ip, no_address, nobodys, worker_ip
from tasks.node.subject import Finding, Subject


def addresses(head: Subject, workers: Sequence[Subject]) -> tuple[dict[str, str], list[Finding]]:
    """The address of each node by the host's name, and a problem for each host that gets none.

    :param workers: the hosts that are or will be nodes; those without an address are left out of the result.
    """
    ip = head_ip(head, workers)
    without = nobodys([head, *workers])
    if ip is None:
        taken, way = no_address(head, without)
        why = f"{head.name} has no address that workers could reach{taken and f': {taken}'}"
        return {}, [Finding(head.name, why, way or "set node_ip of the head")]
    if why := runtimes.of(head.host).address_problem(ip, head):
        return {}, [Finding(head.name, why, "set node_ip")]
    found, problems = {head.name: ip}, []
    owners = {ip: head.name}
    for worker in workers:
        own, way = worker_ip(worker, ip, without), ""
        if own is None:
            taken, way = no_address(worker, without)
            why = taken or f"has no address in a network with the head ({ip})"
        else:
            why = runtimes.of(worker.host).address_problem(own, worker)
        if why:
            problems.append(Finding(worker.name, why, way or "set node_ip"))
        elif (owner := owners.setdefault(own, worker.name)) != worker.name:
            why = f"has the same address as {owner}: {own}"
            problems.append(Finding(worker.name, why, "list each machine once, or set node_ip"))
        else:
            found[worker.name] = own
    return found, problems
