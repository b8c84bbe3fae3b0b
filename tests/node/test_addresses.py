"""Which address is chosen: hosts with several networks, bridges, IPv6, NAT, and this machine itself."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.node.addresses import head_ip, usable, worker_ip
from tasks.node.interfaces import Address
from tasks.node.subject import Subject
from tests.script import samples


def addresses(text: str) -> tuple[Address, ...]:
    """``eth0 10.0.0.1/24, wg0 10.9.0.1/24`` after the loopback that every host has."""
    out = [Address("lo", "127.0.0.1", 8), Address("lo", "::1", 128)]
    for part in filter(None, text.split(",")):
        interface, cidr = part.split()
        ip, _, prefix = cidr.partition("/")
        out.append(Address(interface, ip, int(prefix)))
    return tuple(out)


def subject(
    role: str, has: str, host: str = "name.lab", via: str | None = None, default: str = "eth0", **more: Any
) -> Subject:
    """A host that is called ``host``, ``has`` these addresses, and was reached by ssh at ``via``."""
    facts = samples.facts(addresses=addresses(has), ssh_server_ip=via, default_interface=default)
    return Subject(samples.host(role, host=host, **{"node_ip": None, **more}), facts)


BRIDGE = "docker0 172.17.0.1/16"
TWO = "eth0 192.168.1.5/24, eth1 10.0.0.5/24"


class TestUsable:
    def test_no_loopback_no_bridge_of_a_container_engine_and_ipv4_first(self):
        has = (
            "eth0 fd00::1/64, docker0 172.17.0.1/16, br-0f1e2d3c4b5a 172.18.0.1/16, veth12 169.254.0.1/16,"
            "virbr0 192.168.122.1/24, cni0 10.88.0.1/16, flannel.1 10.244.0.0/32, br0 10.0.0.1/24, wg0 10.9.0.1/24"
        )
        found = [a.ip for a in usable(samples.facts(addresses=addresses(has)))]
        assert found == ["10.0.0.1", "10.9.0.1", "fd00::1"]

    @pytest.mark.parametrize(
        "name", ["br-lan", "br-ex", "br-eth0", "br0", "vmbr0", "bond0.12", "enp3s0", "ovs-br"]
    )
    def test_a_bridge_with_the_host_s_own_address_is_a_network_like_others(self, name):
        has = f"{name} 10.0.0.5/24, docker0 172.17.0.1/16"
        assert [a.ip for a in usable(samples.facts(addresses=addresses(has)))] == ["10.0.0.5"]

    @pytest.mark.parametrize(
        "name", ["wg0", "tun0", "tailscale0", "utun4", "ppp0", "ztabcdef12", "nordlynx", "cscotun0"]
    )
    def test_a_vpn_comes_last(self, name):
        has = f"{name} 10.9.0.5/24, br-lan 10.0.0.5/24"
        assert [a.ip for a in usable(samples.facts(addresses=addresses(has)))] == ["10.0.0.5", "10.9.0.5"]


HEADS = {
    "as written, whatever the host has": ({"has": TWO, "node_ip": "203.0.113.9"}, [], "203.0.113.9"),
    "the address in the file": ({"has": TWO, "host": "10.0.0.5", "via": "192.168.1.5"}, [], "10.0.0.5"),
    "the address in the file, IPv6": ({"has": TWO + ", eth0 fd00::5/64", "host": "fd00::5"}, [], "fd00::5"),
    "IPv6 however it is written": (
        {"has": "eth0 10.0.0.1/24, eth0 fd00::5/64", "host": "FD00:0:0::0005"},
        [],
        "fd00::5",
    ),
    "a name: where ssh arrived": ({"has": TWO, "via": "10.0.0.5"}, ["eth0 192.168.1.6/24"], "10.0.0.5"),
    "an address of a NAT: where ssh arrived behind it": (
        {"has": TWO, "host": "203.0.113.9", "via": "10.0.0.5"},
        [],
        "10.0.0.5",
    ),
    "ssh arrived at a port that Docker forwards: the network of most workers": (
        {"has": f"{TWO}, {BRIDGE}", "via": "172.17.0.1"},
        [f"eth0 10.0.0.6/24, {BRIDGE}", f"eth0 10.0.0.7/24, {BRIDGE}", f"eth0 192.168.1.6/24, {BRIDGE}"],
        "10.0.0.5",
    ),
    "the bridge that all have is not a network that they share": (
        {"has": f"{BRIDGE}, eth0 10.0.0.5/24"},
        [f"{BRIDGE}, eth0 10.0.1.6/24"],
        "10.0.0.5",
    ),
    "the same numbers under another mask are another network": (
        {"has": "eth0 10.0.0.5/16, eth1 10.0.9.5/24"},
        ["eth0 10.0.9.6/24"],
        "10.0.9.5",
    ),
    "two ends of tunnels share nothing": (
        {"has": "eth0 192.168.1.5/24, wg0 10.9.0.1/32"},
        ["wg0 10.9.0.1/32"],
        "192.168.1.5",
    ),
    "nothing shared: the one with the default route": (
        {"has": TWO, "default": "eth1"},
        ["eth0 10.7.0.6/24"],
        "10.0.0.5",
    ),
    "the default route leads through an interface without an address": (
        {"has": TWO, "default": "ppp0"},
        [],
        "192.168.1.5",
    ),
    "only IPv6": ({"has": "eth0 fd00::5/64"}, ["eth0 fd00::6/64"], "fd00::5"),
    "both: IPv4": ({"has": "eth0 fd00::5/64, eth0 10.0.0.5/24"}, [], "10.0.0.5"),
    "both networks have as many workers: the one with the default route": (
        {"has": TWO, "default": "eth1"},
        ["eth0 192.168.1.6/24, eth1 10.0.0.6/24"],
        "10.0.0.5",
    ),
    "a VPN that all have, too": (
        {"has": "wg0 10.9.0.5/24, br-lan 192.168.1.5/24", "default": "br-lan"},
        ["wg0 10.9.0.6/24, eth0 192.168.1.6/24"],
        "192.168.1.5",
    ),
    "a VPN that alone leads to the workers": (
        {"has": "wg0 10.9.0.5/24, eth0 192.168.1.5/24"},
        ["wg0 10.9.0.6/24, eth0 192.168.7.6/24"],
        "10.9.0.5",
    ),
    "the address in the file, on a bridge for virtual machines": (
        {"has": "eth0 192.168.1.5/24, virbr0 192.168.122.1/24", "host": "192.168.122.1"},
        ["eth0 192.168.122.6/24"],
        "192.168.122.1",
    ),
    "all have VirtualBox's address, where ssh arrived, too": (
        {"has": "eth0 10.0.2.15/24, eth1 192.168.56.11/24", "host": "127.0.0.1", "via": "10.0.2.15"},
        ["eth0 10.0.2.15/24, eth1 192.168.56.12/24"],
        "192.168.56.11",
    ),
    "all have VirtualBox's address, and no other": (
        {"has": "eth0 10.0.2.15/24", "host": "127.0.0.1", "via": "10.0.2.15"},
        ["eth0 10.0.2.15/24"],
        None,
    ),
    "nothing but a bridge, and workers": ({"has": BRIDGE}, ["eth0 10.0.0.6/24"], None),
}

LOCAL_HEADS = {
    "alone": ({"has": TWO, "default": "eth1"}, [], "10.0.0.5"),
    "alone and without any network": ({"has": ""}, [], "127.0.0.1"),
    "alone with Docker": ({"has": BRIDGE}, [], "127.0.0.1"),
    "with workers: the network shared with them": ({"has": TWO}, ["eth0 10.0.0.6/24"], "10.0.0.5"),
    "with workers and without any network": ({"has": ""}, ["eth0 10.0.0.6/24"], None),
    "called 127.0.0.1": ({"has": TWO, "host": "127.0.0.1"}, ["eth0 10.0.0.6/24"], "10.0.0.5"),
    "as the workers see it, on whatever interface": (
        {"has": f"{TWO}, virbr0 192.168.122.1/24", "default": "eth0"},
        ["eth0 192.168.122.6/24 from 192.168.122.1", "eth0 192.168.122.7/24 from 192.168.122.1"],
        "192.168.122.1",
    ),
    "the workers see a jump host": ({"has": TWO}, ["eth0 10.0.0.6/24 from 203.0.113.1"], "10.0.0.5"),
    # $SSH_CONNECTION of a person who is logged in says nothing about the workers
    "with somebody logged in over a VPN": (
        {"has": TWO + ", wg0 10.9.0.1/24", "via": "10.9.0.1"},
        ["eth0 10.0.0.6/24"],
        "10.0.0.5",
    ),
}


class TestHead:
    @pytest.mark.parametrize(("head", "workers", "expected"), HEADS.values(), ids=HEADS)
    def test_reached_by_ssh(self, head, workers, expected):
        others = [subject("worker", has, default="eth0") for has in workers]
        assert head_ip(subject("head", **head), others) == expected

    @pytest.mark.parametrize(("head", "workers", "expected"), LOCAL_HEADS.values(), ids=LOCAL_HEADS)
    def test_that_is_this_machine(self, head, workers, expected):
        others = []
        for worker in workers:
            has, _, seen = worker.partition(" from ")
            other = subject("worker", has)
            others.append(samples.with_facts(other, ssh_client_ip=seen or None))
        known = {"host": "localhost", **head}
        assert head_ip(subject("head", connection="local", **known), others) == expected


WORKERS = {
    "as written": ({"has": TWO, "node_ip": "203.0.113.9"}, "10.0.0.1", "203.0.113.9"),
    "in the head's network, however it was reached": (
        {"has": TWO, "host": "192.168.1.5", "via": "192.168.1.5"},
        "10.0.0.1",
        "10.0.0.5",
    ),
    "two in the head's network: the one in the file": (
        {"has": "eth0 10.0.0.5/24, eth1 10.0.0.6/24", "host": "10.0.0.6"},
        "10.0.0.1",
        "10.0.0.6",
    ),
    "two in the head's network: the one where ssh arrived": (
        {"has": "eth0 10.0.0.5/24, eth1 10.0.0.6/24", "via": "10.0.0.6"},
        "10.0.0.1",
        "10.0.0.6",
    ),
    "another network: the one in the file": (
        {"has": TWO, "host": "10.0.0.5", "via": "192.168.1.5"},
        "172.20.0.1",
        "10.0.0.5",
    ),
    "another network: where ssh arrived": ({"has": TWO, "via": "10.0.0.5"}, "172.20.0.1", "10.0.0.5"),
    "another network: the default route": ({"has": TWO, "default": "eth1"}, "172.20.0.1", "10.0.0.5"),
    "a bridge in the head's network does not count": (
        {"has": "docker0 10.0.0.9/24, eth0 192.168.1.5/24"},
        "10.0.0.1",
        "192.168.1.5",
    ),
    "an IPv4 head: no IPv6": ({"has": "eth0 fd00::5/64, eth1 10.7.0.5/24"}, "10.0.0.1", "10.7.0.5"),
    "an IPv6 head: IPv6 of its network": (
        {"has": "eth0 10.0.0.5/24, eth0 fd01::5/64, eth1 fd00::5/64"},
        "fd00::1",
        "fd00::5",
    ),
    "an IPv6 head: IPv6 even where ssh arrived over IPv4": (
        {"has": "eth0 10.0.0.5/24, eth0 fd01::5/64", "host": "10.0.0.5", "via": "10.0.0.5"},
        "fd00::1",
        "fd01::5",
    ),
    "an IPv6 head and a worker without IPv6": ({"has": "eth0 10.0.0.5/24"}, "fd00::1", None),
    "nothing but a bridge": ({"has": BRIDGE}, "10.0.0.1", None),
}


class TestWorker:
    @pytest.mark.parametrize(("worker", "head", "expected"), WORKERS.values(), ids=WORKERS)
    def test_reached_by_ssh(self, worker, head, expected):
        assert worker_ip(subject("worker", **worker), head) == expected

    def test_that_is_this_machine(self):
        local = subject("worker", TWO, "localhost", via="192.168.1.5", connection="local", default="eth1")
        assert worker_ip(local, "172.20.0.1") == "10.0.0.5"
