"""What only shows when hosts are held side by side: one machine twice, clocks apart."""

from __future__ import annotations

import pytest

from tasks.node.interfaces import Address
from tasks.node.subject import Finding
from tasks.plan.problems import cluster_problems
from tests.script import samples


def machine(name: str, **facts):
    """A machine of its own, unless ``facts`` says otherwise."""
    known = {"hostname": name, "machine_id": name, "boot_id": name, **facts}
    return samples.subject(host_=samples.host("worker", name=name), **known)


class TestSideBySide:
    def test_the_same_machine_twice(self):
        twin = {"hostname": "h", "machine_id": "m", "boot_id": "b"}
        found = cluster_problems([machine("a", **twin), machine("b"), machine("c", **twin)])
        assert found == [Finding("c", "is the same machine as a", "list it once")]

    def test_the_same_machine_whatever_bridges_have_come_between_the_two_answers(self):
        twin = {"hostname": "h", "machine_id": "m", "boot_id": "b"}
        eth = Address("eth0", "10.0.0.1", 24)
        first = machine("a", addresses=(eth,), **twin)
        second = machine("b", addresses=(eth, Address("veth1", "172.17.0.9", 16)), **twin)
        assert [f.name for f in cluster_problems([first, second])] == ["b"]

    @pytest.mark.parametrize(
        "differs",
        [
            {"hostname": "other"},
            # machines that were cloned, containers on one kernel
            {"addresses": (Address("eth0", "10.0.0.2", 24),)},
            {"boot_id": "other"},
        ],
        ids=lambda d: next(iter(d)),
    )
    def test_hosts_that_differ_in_one_identity_are_two_machines(self, differs):
        twin = {"hostname": "h", "machine_id": "m", "boot_id": "b"}
        assert cluster_problems([machine("a", **twin), machine("b", **{**twin, **differs})]) == []

    def test_hosts_that_do_not_say_who_they_are_are_not_called_one(self):
        nobody = {"hostname": "h", "machine_id": "", "boot_id": ""}
        assert cluster_problems([machine("a", **nobody), machine("b", **nobody)]) == []

    def test_a_clock_that_is_wrong_is_a_note_and_stops_nothing(self):
        clocks = {"a": 1000, "b": 1010, "c": 1500, "d": 700}
        found = cluster_problems([machine(name, clock=clock) for name, clock in clocks.items()])
        hint = "set it, or run an NTP client"
        assert found == [
            Finding("c", "its clock differs by +500 s from the others", hint, note=True),
            Finding("d", "its clock differs by -300 s from the others", hint, note=True),
        ]

    def test_of_two_clocks_one_is_named(self):
        found = cluster_problems([machine("a", clock=1000), machine("b", clock=1121)])
        assert [(f.name, f.message) for f in found] == [("b", "its clock differs by +121 s from the others")]

    def test_clocks_two_minutes_apart_are_good_enough(self):
        assert cluster_problems([machine("a", clock=1000), machine("b", clock=1120)]) == []

    def test_a_clock_that_nobody_could_read_is_not_wrong(self):
        assert cluster_problems([machine("a", clock=1000), machine("b", clock=None)]) == []
