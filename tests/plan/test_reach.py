"""Who tries whom, what each result means, and which host is the one that cannot take part."""

from __future__ import annotations

import pytest

from tasks.plan.reach import Pair, blame, message, needed_ports, opening, partners, ports_of
from tests.script import samples

ALL = frozenset((20000, 20001))


def pair(source="head", target="two", said="open", listens=ALL) -> Pair:
    return Pair(source, target, "10.0.0.3", dict.fromkeys((20000, 20001), said), listens)


@pytest.mark.parametrize(
    ("said", "listens", "why"),
    [
        ("open", ALL, None),
        ("unknown", ALL, None),
        ("timeout", ALL, "timed out, as by a firewall"),
        ("timeout", frozenset(), "timed out, as by a firewall"),
        ("refused", ALL, "refused although two listens there, as by a firewall"),
        ("refused", frozenset(), None),
        ("other n7", ALL, "another host answers: n7"),
        ("other ", ALL, "another host answers: of another cluster"),
        ("silent", ALL, "another program answers"),
        ("stalled", ALL, "connects, but larger packets get lost (the MTU of a VPN or tunnel?)"),
        ("error No route to host", ALL, "No route to host"),
    ],
)
def test_what_a_result_means(said, listens, why):
    assert pair(said=said, listens=listens).problems == ({why: [20000, 20001]} if why else {})


def test_ports_with_different_results_are_named_apart():
    found = Pair("head", "two", "10.0.0.3", {20001: "timeout", 20000: "refused", 10002: "open"}, ALL)
    assert message("two", [found], "head") == (
        "the head cannot reach two at 10.0.0.3, port 20000: refused although two listens there, as by a firewall; "
        "port 20001: timed out, as by a firewall"
    )


class TestPartners:
    def test_of_few_hosts_all_pairs_are_tried(self):
        found = partners(["head", "a", "b"], "head")
        assert sorted(found) == sorted(
            (x, y) for x in ("head", "a", "b") for y in ("head", "a", "b") if x != y
        )

    @pytest.mark.parametrize("count", [9, 10, 500])
    def test_of_many_a_few_for_each(self, count):
        names = ["head", *(f"w{n}" for n in range(count))]
        found = partners(names, "head")
        assert found == partners(names, "head")
        assert len(set(found)) == len(found) == 4 * count
        assert all(a != b for a, b in found)
        for name in names[1:]:
            assert {("head", name), (name, "head")} <= set(found)
            assert sum(a == name for a, _ in found) == 3
            assert sum(b == name for _, b in found) >= 2


class TestBlame:
    @pytest.mark.parametrize(
        ("pairs", "who"),
        [
            ([], []),
            ([("head", "two")], ["two"]),
            ([("two", "head")], ["two"]),
            ([("head", "two"), ("one", "two"), ("three", "two")], ["two"]),
            ([("one", "two")], ["two"]),
            # one that reaches nobody
            ([("one", "two"), ("one", "three"), ("one", "four")], ["one"]),
            ([("one", "head"), ("two", "head")], ["one", "two"]),
            ([("one", "head"), ("one", "two")], ["one"]),
        ],
    )
    def test_is_of_the_host_that_most_is_about_and_never_the_head(self, pairs, who):
        assert list(blame([pair(*names, said="timeout") for names in pairs], "head")) == who

    def test_at_most_three_directions_are_listed(self):
        found = [pair(f"n{n}", "two", "timeout") for n in range(5)] + [pair("head", "two", "timeout")]
        text = message("two", found, "head")
        assert text.startswith("the head cannot reach two at ")
        assert text.endswith("; besides 3 more directions")


@pytest.mark.parametrize("firewall", ["ufw", "firewalld", "nftables", "iptables", "windows", "macos", ""])
def test_each_firewall_has_its_own_command(firewall):
    text = opening(firewall, ["20000", "10002-19999"], ["10.0.0.1"], "two")
    assert "two" in text
    assert "10.0.0.1" in text or firewall == "macos"
    assert "20000" in text or firewall in ("firewalld", "macos")


def test_ports_are_those_that_ray_will_use_and_that_are_free():
    bare = samples.subject("head", ports=frozenset({10002, 10003}))
    assert ports_of(bare) == [6379, 20000, 20001, 10004]
    # of a running node, Ray's own
    assert ports_of(samples.subject("worker", active=True)) == [20000, 20001]
    assert needed_ports(samples.subject("worker"))[-1] == "10002-19999"


@pytest.mark.parametrize(
    ("pairs", "who"),
    [
        ([("new", "old")], ["new"]),
        ([("old", "new")], ["new"]),
        ([("new", "old"), ("new", "older")], ["new"]),
        # what has been so before is not about what starts now
        ([("old", "older"), ("head", "old")], []),
        ([("head", "new"), ("head", "old"), ("old", "head")], ["new"]),
    ],
)
def test_of_a_new_host_and_one_that_runs_already_it_is_the_new_one(pairs, who):
    found = blame([pair(source, target, "timeout") for source, target in pairs], "head", {"new", "head"})
    assert list(found) == who
