"""The lab's networks, in the address range reserved for benchmarks, and rules that cut off their Internet access."""

from __future__ import annotations

import ipaddress
import shlex

from tasks.testbed.engine import LABEL, LabError, command, docker, listed

RANGE = ipaddress.ip_network("198.18.0.0/15")


class Network:
    """A Docker network of a lab. name: Docker's name for it; subnet: a /24 out of 198.18.0.0/15."""

    def __init__(self, lab: str, name: str, subnet: str):
        self.lab, self.name, self.subnet = lab, name, ipaddress.ip_network(subnet)
        if not self.subnet.subnet_of(RANGE):
            raise LabError(f"subnet {subnet} is not in {RANGE}, the range kept free for labs")

    def ensure(self) -> None:
        if self.name not in listed("network", self.lab):
            docker(
                "network", "create", "--label", f"{LABEL}={self.lab}", "--subnet", str(self.subnet), self.name
            )

    def address(self, number: int) -> str:
        return str(self.subnet[number])


def cut(owner: str, addresses: list[str], silent: bool) -> None:
    """Block everything from `addresses` that leaves the lab; silent: packets are dropped, otherwise rejected."""
    target = ["DROP"] if silent else ["REJECT", "--reject-with", "icmp-net-unreachable"]
    for address in addresses:
        rule = ["-s", address, "!", "-d", str(RANGE), "-m", "comment", "--comment", f"{owner}:lab"]
        done = command(["iptables", "-I", "DOCKER-USER", *rule, "-j", *target])
        if done.returncode != 0:
            raise LabError(f"cannot cut {owner} off: {done.stderr.strip()}")


def allow(owner: str, source: str, target: str) -> None:
    """Let one host reach another across two networks, as a router with NAT does; not the other way round."""
    name = ["-m", "comment", "--comment", f"{owner}:lab"]
    answers = ["-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED"]
    for rule in (["-s", source, "-d", target], ["-s", target, "-d", source, *answers]):
        done = command(["iptables", "-I", "DOCKER-USER", *rule, *name, "-j", "ACCEPT"])
        if done.returncode != 0:
            raise LabError(f"cannot let {owner} reach {target}: {done.stderr.strip()}")


def restore(owner: str) -> None:
    """Undo every `cut` and `allow` of that owner."""
    for rule in command(["iptables", "-S", "DOCKER-USER"]).stdout.splitlines():
        words = shlex.split(rule)
        if f"{owner}:lab" in words:
            command(["iptables", "-D", *words[1:]])
