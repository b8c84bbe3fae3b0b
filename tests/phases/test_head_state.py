"""A head that keeps its state: what a plan says of it, and that its own restart leaves workers and their work alone."""

from __future__ import annotations

import pytest

from tasks.phases import operation

JOB = {"job": "raysubmit_1", "pending": False, "age": 5, "user": "", "ip": "10.0.0.1"}
ON_ONE = {"actor": "counter", "detached": True, "moves": False, "ip": "10.0.0.2"}


@pytest.fixture
def kept(fleet, world):
    """A cluster of a Ray and on disks that can keep the head's state."""
    fleet.edit("cluster: lab\n", 'cluster: lab\nray: {version: "2.60.0"}\n')
    for host in world.hosts.values():
        host.facts["mount"] = "home ext4 rw /"
    assert fleet.operate(operation.DEPLOY) == 0
    world.work = [JOB, ON_ONE]
    world.forget_titles()
    return fleet


def test_it_is_said_and_remembered(kept, world):
    assert "the head's state: kept on disk" in kept.out
    assert world["head"].state["head_state"] == {"kept": True, "why": ""}
    assert "head_state" not in world["one"].state


def test_a_head_that_restarts_leaves_the_workers_alone(kept, world):
    kept.edit("name: head", "name: head, labels: {zone: a}")
    assert kept.operate(operation.DEPLOY) == 0
    assert "start the head" in world["head"].titles
    assert "start the worker" not in world["one"].titles
    asked = "\n".join(kept.asked[0])
    assert "deploy-cluster restarts Ray on head, which ends; work on other hosts continues:" in asked
    assert "raysubmit_1" in asked
    assert "counter" not in asked


def test_in_memory_it_ends_everything(kept, world):
    kept.edit('version: "2.60.0"', 'version: "2.60.0", state: memory')
    assert kept.operate(operation.DEPLOY) == 0
    assert "the head's state: in memory: ray.state: memory" in kept.out
    assert "start the worker" in world["one"].titles
    assert "counter" in "\n".join(kept.asked[0])


def test_where_it_is_asked_for_and_cannot_be(fleet, world):
    fleet.edit("cluster: lab\n", 'cluster: lab\nray: {version: "2.60.0", state: kept}\n')
    for host in world.hosts.values():
        host.facts["mount"] = "home tmpfs rw /root"
    assert fleet.operate(operation.DEPLOY) == 1
    assert "ray.state: kept is not possible: /root/.rayfab/lab is in memory (tmpfs)" in fleet.out
    assert "ray.state: memory, or leave it out" in fleet.out
    assert not any(host.active for host in world.hosts.values())
