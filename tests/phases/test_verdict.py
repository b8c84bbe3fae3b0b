"""The last line of `status` for a cluster that is not healthy: true for each case, with the command that helps."""

from __future__ import annotations

import pytest

from tasks.phases import operation
from tasks.report.verdict import unhealthy
from tasks.run.stages import Known
from tasks.run.status import as_json
from tests.phases.world import node


@pytest.fixture
def last_line(fleet, world):
    """last_line({"two": {...}}): of a deployed cluster on whose hosts that is different."""

    def of(differs: dict[str, dict], *, deploy: bool = True, stop: tuple[str, ...] = ()) -> tuple[str, str]:
        if deploy:
            assert fleet.operate(operation.DEPLOY) == 0
        for name in stop:
            world[name].active = False
        for name, values in differs.items():
            vars(world[name]).update(values)
        fleet.operate(operation.STATUS, report=False)
        status = as_json(fleet.run)
        assert not status["healthy"]
        reached = {node.name for node in fleet.run.every(Known)}
        return unhealthy(status, len(fleet.cluster.hosts), reached)

    return of


ALL = ("head", "one", "two")


def test_nothing_is_deployed(last_line):
    assert last_line({}, deploy=False) == (
        "nothing of lab is deployed",
        "fab deploy-cluster installs and starts it",
    )


def test_a_stopped_cluster_is_reported_with_how_to_start_it(last_line):
    assert last_line({}, stop=ALL) == ("lab is stopped", "fab start starts it again")


def test_stopped_and_not_deployed_everywhere(last_line):
    assert last_line({"two": {"state": None}}, stop=ALL) == (
        "lab is stopped, and not deployed on two",
        "fab start starts what is deployed; fab deploy-cluster also deploys the rest",
    )


def test_a_worker_is_stopped(last_line):
    assert last_line({}, stop=("two",)) == (
        "lab is not complete: 1 of 3 hosts stopped",
        "fab start starts what is stopped",
    )


@pytest.mark.parametrize(
    "differs", [{"state": None}, {"joins": False}, {"active": False, "supervisor": "activating"}]
)
def test_what_a_deploy_repairs(last_line, differs):
    assert last_line({"two": differs}) == (
        "lab is not healthy: 1 of 3 hosts with a problem",
        "fab deploy-cluster repairs it; fab logs says why",
    )


def test_a_host_that_cannot_be_reached(last_line):
    assert last_line({"two": {"reachable": False}}) == (
        "lab is not healthy: unreachable: two",
        "fab check says why",
    )


def test_beside_one_that_can_be_repaired(last_line):
    assert last_line({"two": {"reachable": False}, "one": {"joins": False}}) == (
        "lab is not healthy: unreachable: two",
        "fab check says why; fab deploy-cluster repairs the others",
    )


def test_a_node_that_is_not_in_the_hosts_file_is_named(last_line, world):
    world.strangers = [node("10.0.0.50", "mallory")]
    assert last_line({}) == (
        "lab has nodes that the hosts file does not list: mallory",
        "stop Ray there, or add them to the hosts file",
    )
