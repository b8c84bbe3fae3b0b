"""Each entry of Ray's node table is of one host or of none."""

from __future__ import annotations

import pytest

from tasks.plan.changed_address import old_address
from tasks.plan.members import Member, anywhere, assign, strangers
from tests.script import samples


def entry(name: str, ip: str, node_id: str = "", *, alive: bool = True, **more) -> dict:
    return {"name": name, "node_ip": ip, "node_id": node_id, "alive": alive, **more}


def given(table, *members) -> dict:
    return {host: table.index(found) for host, found in assign(table, members).items()}


def test_one_entry_serves_one_host():
    table = [entry("n1", "10.0.2.15")]
    found = given(table, *(Member(n, n, "10.0.2.15") for n in ("n1", "n2", "n3")))
    assert found == {"n1": 0}


@pytest.mark.parametrize("other", [entry("n1", "10.0.0.9"), entry("somebody", "10.0.0.1")])
def test_the_name_and_the_address_must_be_right(other):
    assert given([other], Member("n1", "n1", "10.0.0.1")) == {}


def test_the_name_alone_where_the_address_is_unknown():
    assert given([entry("n1", "10.0.0.9")], Member("n1", "n1", "")) == {"n1": 0}


def test_an_id_decides_between_a_node_s_starts():
    table = [entry("n1", "10.0.0.1", "old"), entry("n1", "10.0.0.1", "new")]
    assert given(table, Member("n1", "n1", "10.0.0.1", "new")) == {"n1": 1}
    assert given(table[:1], Member("n1", "n1", "10.0.0.1", "new")) == {}
    # the reason of its death is told
    table[0]["alive"] = False
    assert given(table[:1], Member("n1", "n1", "10.0.0.1", "new")) == {"n1": 0}


@pytest.mark.parametrize("order", [1, -1])
def test_without_an_id_a_task_decides_and_then_who_is_alive(order):
    table = [entry("n1", "10.0.0.1", alive=False), entry("n1", "10.0.0.1")][::order]
    assert assign(table, [Member("n1", "n1", "10.0.0.1")])["n1"]["alive"]
    table = [entry("n1", "10.0.0.1", alive=False), entry("n1", "10.0.0.1", alive=False, task={})][::order]
    assert "task" in assign(table, [Member("n1", "n1", "10.0.0.1")])["n1"]


def test_strangers_are_the_living_that_no_host_started():
    mine = Member("n1", "n1", "10.0.0.1", "new")
    table = [
        entry("n1", "10.0.0.1", "new"),
        entry("n1", "10.0.0.1", "old"),
        entry("mallory", "10.0.0.1"),
        entry("dead", "10.0.0.7", alive=False),
    ]
    found = strangers(table, [mine], assign(table, [mine]))
    assert [one["name"] for one in found] == ["mallory"]


@pytest.mark.parametrize(
    ("ip", "known"), [("127.0.0.1", ""), ("::1", ""), ("10.0.0.1", "10.0.0.1"), ("", "")]
)
def test_ray_takes_another_address_in_the_place_of_loopback(ip, known):
    assert anywhere(ip) == known


@pytest.mark.parametrize(
    ("state", "fixed", "old"),
    [
        ({"node_ip": "10.0.0.1"}, None, ""),
        ({"node_ip": "10.0.0.9"}, None, "10.0.0.9"),
        ({"node_ip": "10.0.0.9"}, "10.0.0.9", ""),
        ({"node_ip": "127.0.0.1"}, None, ""),
        ({}, None, ""),
        (None, None, ""),
    ],
)
def test_an_address_that_the_host_no_longer_has(state, fixed, old):
    host = samples.host("head", node_ip=fixed)
    assert old_address(samples.subject(host_=host, state=state)) == old
