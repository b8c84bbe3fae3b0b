"""Which hosts try which ports of each other, and what the results mean."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from tasks import runtimes
from tasks.node import ray
from tasks.node.subject import Subject
from tasks.text.wording import counted

ALL_PAIRS = 8  # hosts; of more, each tries the head, its neighbour in the list and one more


@dataclass(frozen=True)
class Pair:
    """One direction between two hosts, with what a try of each port said.

    :param source: the name of the host that connects.
    :param said: by port: open, timeout, refused, silent, stalled, ``other NAME`` or ``error TEXT``.
    :param listens: the ports on which a program certainly listened meanwhile.
    """

    source: str
    target: str
    address: str
    said: Mapping[int, str]
    listens: frozenset[int] = frozenset()

    @property
    def problems(self) -> dict[str, list[int]]:
        """What is wrong with the pair, with the ports of each; empty if all is right or nothing is known."""
        out: dict[str, list[int]] = {}
        for port, said in sorted(self.said.items()):
            if why := _wrong(said, self.target, port in self.listens):
                out.setdefault(why, []).append(port)
        return out

    def text(self, head: str) -> str:
        """``the head cannot reach it at 10.0.0.2, ports 20000, 20001: timed out``, as said of the target."""
        source = "the head" if self.source == head else self.source
        parts = [f"{_ports(ports)}: {why}" for why, ports in self.problems.items()]
        return f"{source} cannot reach {{}} at {self.address}, {'; '.join(parts)}"


def _wrong(said: str, target: str, listens: bool) -> str:
    kind, _, rest = said.partition(" ")
    if kind == "refused":
        # without a listener it means nothing
        return f"refused although {target} listens there, as by a firewall" if listens else ""
    return {
        "timeout": "timed out, as by a firewall",
        "silent": "another program answers",
        "other": f"another host answers: {rest or 'of another cluster'}",
        "stalled": "connects, but larger packets get lost (the MTU of a VPN or tunnel?)",
        "error": rest,
    }.get(kind, "")


def _ports(ports: Sequence[int]) -> str:
    return f"port{'s' if len(ports) > 1 else ''} {', '.join(map(str, ports))}"


def partners(names: Sequence[str], head: str) -> list[tuple[str, str]]:
    """Who tries whom: the head and every host in both directions; workers each other, of many a ring and one more."""
    workers = [name for name in names if name != head]
    out = [pair for name in workers for pair in ((name, head), (head, name))] if head in names else []
    count = len(workers)
    if count <= ALL_PAIRS:
        return out + [(a, b) for a in workers for b in workers if a != b]
    for at, name in enumerate(workers):
        # the same ones in each run, so that a failure can be tried again
        far = 2 + int(hashlib.sha256(name.encode()).hexdigest(), 16) % (count - 2)
        out += [(name, workers[(at + 1) % count]), (name, workers[(at + far) % count])]
    return out


def ports_of(subject: Subject, running: bool = False) -> list[int]:
    """The ports of a host that others connect to: one of each kind that Ray uses; those on which it always listens."""
    host, facts = subject.host, subject.facts
    ports = host.ray.ports
    out = [host.ray.port] if host.role == "head" else []
    out += [ports.node_manager, ports.object_manager]
    if not (running or facts.active):
        low, high = ray.worker_ports(host)
        out += [port for port in range(low, min(high, low + 100) + 1) if port not in facts.ports][:1]
    return list(dict.fromkeys(out))


def can_listen(subject: Subject) -> bool:
    """Whether the ports can be tried before Ray is there: not where an engine passes them on."""
    return runtimes.of(subject.host).listens_on_host(subject)


def blame(pairs: Sequence[Pair], head: str, new: Container[str] | None = None) -> dict[str, list[Pair]]:
    """The hosts that cannot take part, each with the pairs that show it.

    A pair is about its worker if the other one is the head, else about the host that most pairs are about. The head is
    never one of them: each host that it cannot reach is.

    :param new: the hosts that start; of a pair with a host that ran before, it is about the new one. None: all.
    """

    def about(name: str) -> bool:
        return name != head and (new is None or name in new)

    left = [pair for pair in pairs if pair.problems and any(map(about, (pair.source, pair.target)))]
    out: dict[str, list[Pair]] = {}
    while left:
        counts: dict[str, int] = {}
        for pair in left:
            for name, weight in ((pair.source, 2), (pair.target, 3)):
                if about(name):
                    counts[name] = counts.get(name, 0) + weight
            if head in (pair.source, pair.target):
                other = pair.target if pair.source == head else pair.source
                counts[other] += 3 * len(pairs)
        worst = max(counts, key=lambda name: counts[name])
        out[worst] = [pair for pair in left if worst in (pair.source, pair.target)]
        left = [pair for pair in left if worst not in (pair.source, pair.target)]
    return out


def message(name: str, pairs: Sequence[Pair], head: str) -> str:
    """One line about a host that cannot take part: at most three pairs, those with the head first."""
    order = sorted(pairs, key=lambda pair: head not in (pair.source, pair.target))
    texts = [pair.text(head).format(_called(pair.target, name, head)) for pair in order[:3]]
    more = f"; besides {counted(len(order) - 3, 'more direction')}" if len(order) > 3 else ""
    return "; ".join(texts) + more


def _called(target: str, name: str, head: str) -> str:
    return "the head" if target == head else target


def opening(firewall: str, ports: Sequence[str], sources: Sequence[str], where: str) -> str:
    """What lets these addresses in, with the name of the host on which it is typed. See :func:`command_for`."""
    command = command_for(firewall, ports, sources)
    if command is None:
        source = ", ".join(_networks(sources))
        listed = ",".join(ports)
        return (
            f"open TCP {listed} of {where} for {source}, in its firewall or in a security group between them"
        )
    return f"on {where}: {command}; or in a security group between them"


def command_for(firewall: str, ports: Sequence[str], sources: Sequence[str]) -> str | None:
    """The firewall's own command that lets these addresses in, ready to paste; None if no firewall is known.

    :param firewall: what was found on the host; '' if nothing was.
    :param ports: ports, and ranges such as ``10002-19999``.
    :param sources: addresses; neighbours become networks that hold nothing else.
    """
    dashed, colons = ",".join(ports), ",".join(port.replace("-", ":") for port in ports)
    found = _networks(sources)
    source = ",".join(found)
    six = "6" if ":" in source else ""
    rule = f"proto tcp from {{}} to any port {colons}"
    ufw = f"sudo ufw allow {rule.format(source)}"
    if len(found) > 1:
        ufw = f"for from in {' '.join(found)}; do sudo ufw allow {rule.format('$from')}; done"
    zone = " ".join(f"--add-source={one}" for one in found)
    return {
        "ufw": ufw,
        "firewalld": f"sudo firewall-cmd --permanent --zone=trusted {zone} && sudo firewall-cmd --reload",
        "nftables": f"sudo nft 'insert rule inet filter input ip{six} saddr {{ {source} }} tcp dport {{ {dashed} }}"
        " accept'",
        "iptables": f"sudo ip{six}tables -I INPUT -p tcp -s {source} -m multiport --dports {colons} -j ACCEPT",
        "windows": "New-NetFirewallRule -DisplayName Ray -Direction Inbound -Action Allow -Protocol TCP "
        f"-LocalPort {dashed} -RemoteAddress {source}",
        "macos": "System Settings, Network, Firewall: allow incoming connections for python",
    }.get(firewall)


def _networks(sources: Sequence[str]) -> list[str]:
    """``10.0.0.2, 10.0.0.3`` -> ``10.0.0.2/31``; what is no address stays."""
    plain: dict[int, list] = {4: [], 6: []}
    for one in sources:
        try:
            network = ipaddress.ip_network(one)
        except ValueError:
            return list(dict.fromkeys(sources))
        plain[network.version].append(network)
    out = [str(one) for found in plain.values() for one in ipaddress.collapse_addresses(found)]
    return [text.removesuffix("/32").removesuffix("/128") for text in out]


def needed_ports(subject: Subject) -> list[str]:
    """All ports of a host that others connect to, as a firewall's rule needs them."""
    host = subject.host
    ports = host.ray.ports
    low, high = ray.worker_ports(host)
    first = [host.ray.port, host.ray.dashboard_port] if host.role == "head" else []
    fixed = sorted({*first, ports.node_manager, ports.object_manager, ports.dashboard_agent_grpc})
    return [str(port) for port in fixed if not low <= port <= high] + [f"{low}-{high}"]
