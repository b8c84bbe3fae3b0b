"""Results of connections between many hosts, in few lines and true ones; and who is measured with whom, when."""

from __future__ import annotations

from collections import Counter

import pytest

from tasks.plan.links import (
    Speed,
    Wall,
    apart,
    connections,
    pairs_of,
    ports_to_try,
    ring,
    rounds,
    speeds,
    walls,
)
from tasks.plan.outcomes import FAIL, PASS, WARN, merged
from tasks.plan.reach import Pair, command_for
from tests.script import samples

NODES = [f"node{number:02}" for number in range(1, 61)]


def pair(source: str, target: str, said: str = "timeout", ports=(20001,)) -> Pair:
    return Pair(source, target, "10.0.0.3", dict.fromkeys(ports, said), frozenset(ports))


def every(names, closed, said="timeout"):
    """All pairs; those for which ``closed`` is true fail."""
    return [pair(a, b, said if closed(a, b) else "open") for a in names for b in names if a != b]


def texts(pairs) -> list[str]:
    return [wall.text for wall in walls(pairs)]


class TestFolded:
    def test_a_rack_that_does_not_reach_another(self):
        found = texts(every(NODES, lambda a, b: a in NODES[11:19] and b in NODES[39:47]))
        assert found == ["node[12-19] cannot reach node[40-47]:20001: timed out, as by a firewall"]

    def test_workers_that_let_nobody_in(self):
        names = ["head", "w1", "w2", "w3"]
        found = texts(every(names, lambda a, b: b != "head", "refused"))
        assert found == [
            "head,w[1-3] cannot reach w[1-3]:20001: refused although something listens there, as by a firewall"
        ]

    def test_one_that_is_cut_off_in_both_directions(self):
        found = texts(every(NODES[:4], lambda a, b: "node02" in (a, b)))
        why = "20001: timed out, as by a firewall"
        assert sorted(found) == [
            f"node02 cannot reach node[01,03-04]:{why}",
            f"node[01,03-04] cannot reach node02:{why}",
        ]

    def test_pairs_that_nobody_has_tried_are_not_named(self):
        found = texts([pair("a", "b"), pair("c", "d"), pair("a", "d", "open")])
        assert [text.partition(":")[0] for text in found] == ["a cannot reach b", "c cannot reach d"]

    def test_drop_and_reject_are_told_apart_and_ports_are_folded(self):
        ports = (20000, 20001, 20002)
        found = texts([pair("a", "b", "timeout", ports), pair("a", "c", "error No route to host", ports)])
        assert found == [
            "a cannot reach b:20000-20002: timed out, as by a firewall",
            "a cannot reach c:20000-20002: No route to host",
        ]

    def test_where_nobody_listens_a_refusal_says_nothing(self):
        assert walls([Pair("a", "b", "10.0.0.3", {20001: "refused"})]) == []

    def test_every_failed_pair_is_in_exactly_one_product(self):
        """Whatever fails: here every third pair, in no order."""
        pairs = every(NODES[:15], lambda a, b: (7 * int(a[4:]) + 3 * int(b[4:])) % 3 == 0)
        named = Counter((a, b) for wall in walls(pairs) for a in wall.sources for b in wall.targets if a != b)
        assert named == Counter((one.source, one.target) for one in pairs if one.problems)


class TestTheTable:
    def test_500_closed_workers_are_one_line(self):
        names = ["head", *(f"node{number:03}" for number in range(1, 500))]
        tried = [
            pair(a, b, "open" if b == "head" else "timeout") for a, b in pairs_of(names, "head", full=False)
        ]
        (one,) = connections(tried, lambda wall: "open it", {})
        assert one.message == "no host that tried can reach node[001-499]:20001: timed out, as by a firewall"
        assert (len(one.nodes), one.result) == (499, FAIL)

    def test_each_kind_of_firewall_has_a_line_and_its_own_command(self):
        kinds = {"b": "ufw", "c": "firewalld", "d": "ufw"}

        def way(wall: Wall) -> str:
            return command_for(kinds[wall.targets[0]], ["20001"], ["10.0.0.1"])

        found = connections([pair("a", name) for name in kinds], way, kinds)
        assert [(one.nodes, one.hint.split()[1]) for one in found] == [
            (("b", "d"), "ufw"),
            (("c",), "firewall-cmd"),
        ]

    def test_it_stays_short(self):
        tried = [pair(f"a{n}x", f"b{n}y", ports=(n,)) for n in range(1, 40)]
        found = connections(tried, lambda wall: "open it", {})
        assert len(found) == 21
        assert found[-1].message == "and 19 more combinations; --json has them all"


@pytest.mark.parametrize(
    ("firewall", "sources", "command"),
    [
        (
            "ufw",
            ["10.0.0.9"],
            "sudo ufw allow proto tcp from 10.0.0.9 to any port 20000,10002:19999",
        ),
        (
            "ufw",
            ["10.0.0.2", "10.0.0.3", "10.0.0.9"],
            "for from in 10.0.0.2/31 10.0.0.9; do sudo ufw allow proto tcp from $from to any port "
            "20000,10002:19999; done",
        ),
        (
            "firewalld",
            ["10.0.0.2", "10.0.0.9"],
            "sudo firewall-cmd --permanent --zone=trusted --add-source=10.0.0.2 --add-source=10.0.0.9 && "
            "sudo firewall-cmd --reload",
        ),
        (
            "nftables",
            ["10.0.0.2", "10.0.0.9"],
            "sudo nft 'insert rule inet filter input ip saddr { 10.0.0.2,10.0.0.9 } tcp dport "
            "{ 20000,10002-19999 } accept'",
        ),
        (
            "iptables",
            ["fd00::2"],
            "sudo ip6tables -I INPUT -p tcp -s fd00::2 -m multiport --dports 20000,10002:19999 -j ACCEPT",
        ),
        (
            "windows",
            ["10.0.0.2", "10.0.0.3"],
            "New-NetFirewallRule -DisplayName Ray -Direction Inbound -Action Allow -Protocol TCP "
            "-LocalPort 20000,10002-19999 -RemoteAddress 10.0.0.2/31",
        ),
        ("", ["10.0.0.2"], None),
    ],
)
def test_the_command_of_each_firewall(firewall, sources, command):
    assert command_for(firewall, ["20000", "10002-19999"], sources) == command


class TestRounds:
    @pytest.mark.parametrize("full", [False, True])
    @pytest.mark.parametrize("count", [2, 9, 60])
    def test_each_pair_comes_once_and_nobody_too_often(self, count, full):
        pairs = pairs_of(NODES[:count], NODES[0], full=full)
        found = rounds(pairs, 5)
        assert sorted(pair for one in found for pair in one) == sorted(pairs)
        for one in found:
            for end in (0, 1):
                assert max(Counter(pair[end] for pair in one).values()) <= 5

    def test_full_is_everybody_with_everybody(self):
        assert len(set(pairs_of(NODES, NODES[0], full=True))) == 60 * 59

    def test_no_host_is_measured_with_two_others_at_once(self):
        found = apart([*ring(NODES), *pairs_of(NODES, NODES[0], full=False)], 12)
        assert len(found) == 12
        for one in found:
            busy = Counter(name for pair in one for name in pair)
            assert max(busy.values()) == 1
        # in a ring of an even number, all are measured in two rounds
        assert {name for pair in found[0] for name in pair} == set(NODES)

    def test_a_ring_of_one_is_none(self):
        assert ring(["a"]) == []
        assert ring(["a", "b"]) == [("a", "b"), ("b", "a")]


class TestSpeed:
    def test_a_slow_sender_is_named_once(self):
        found = speeds(
            [
                Speed(a, b, 5e6 if a == "c" else 1e8, 100.0)
                for a in ("a", "b", "c", "d")
                for b in ("a", "b", "c", "d")
                if a != b
            ]
        )
        assert [(one.nodes, one.message) for one in found if one.result == WARN] == [
            (("c",), "sends at 40 Mbit/s, the median of all is 800 Mbit/s")
        ]
        passes = {one.check: one for one in found if one.result == PASS}
        assert passes["bandwidth"].nodes == ("a", "b", "d")
        assert passes["latency"].message == "median 0.10 ms over 12 pairs"

    def test_one_slow_pair(self):
        found = [Speed("a", "b", 1e8, 100.0), Speed("b", "a", 1e8, 100.0), Speed("a", "c", 1e6, 9000.0)]
        messages = [one.message for one in speeds(found) if one.result == WARN]
        assert messages == [
            "a to c: 8 Mbit/s, the median is 800 Mbit/s",
            "a to c: 9.00 ms, the median is 0.10 ms",
        ]

    def test_nothing_measured_says_nothing(self):
        assert speeds([]) == []


def test_the_doctor_listens_on_what_is_free_and_uses_what_listens():
    bare = samples.subject("head", ports=frozenset({10002}))
    ports, ours, theirs = ports_to_try(bare)
    assert (ports, ours, theirs) == ([6379, 20000, 20001, 10003], {6379, 20000, 20001, 10003}, set())
    running = samples.subject("worker", active=True, ports=frozenset({20000, 20001, 10002}))
    ports, ours, theirs = ports_to_try(running)
    assert (ours, theirs) == ({10003}, {20000, 20001})


def test_what_is_the_same_on_several_hosts_is_one_outcome():
    tried = [pair("a", name) for name in ("b", "c")]
    found = merged(connections(tried, lambda wall: "open it", {"b": "ufw", "c": "ufw"}))
    assert [one.nodes for one in found] == [("b", "c")]
