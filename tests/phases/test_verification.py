"""Verify: success is said only of hosts that are alive in Ray's own table and ran a task."""

from __future__ import annotations

import json

import pytest

from tasks.phases import operation
from tests.phases.world import NO_NODES, node, refused, said, value

TITLE = "run a task on every node"


@pytest.fixture
def deployed(fleet):
    assert fleet.operate(operation.DEPLOY) == 0
    return fleet


def table(*entries):
    """What the driver on the head prints for these nodes."""
    return said([], {"answer": [*map(json.dumps, entries), NO_NODES]})


NAMES = {"10.0.0.1": "head", "10.0.0.2": "one", "10.0.0.3": "two"}


def entry(ip: str, name: str = "", **more):
    return node(ip, name or NAMES.get(ip, ""), **more)


def ran(ip: str, **more):
    return entry(ip, task={"ray": "2.52.0"}, **more)


class TestAHostThatDidNotJoin:
    def test_is_named_with_the_lines_of_its_log_that_say_why(self, deployed, world):
        world["two"].joins = False
        world["two"].replies["read logs"] = said(
            [("note", "")],
            {
                "log:raylet.out": ["", "\x1b[31mE 12:00 Failed to connect to GCS\x1b[0m"],
                "requirements": ["no log"],
                "log:start.log": [f"line {n}" for n in range(9)],
            },
        )
        assert deployed.operate(operation.DEPLOY) == 1
        failure = deployed.failure("two")
        assert failure.message == "did not join the cluster"
        assert (
            failure.hint
            == "this host cannot reach the head's GCS: fab check tries the ports between the hosts"
        )
        lines = ["E 12:00 Failed to connect to GCS", *(f"line {n}" for n in range(2, 9))]
        assert failure.log == tuple(lines)
        assert "✗ two: did not join the cluster" in deployed.out
        assert deployed.out.splitlines()[-9:] == ["two, last lines:", *(f"  {line}" for line in lines)]
        assert [deployed.failure(name) for name in ("head", "one")] == [None, None]

    def test_has_no_colours_of_its_log_on_the_terminal(self, deployed, world):
        world["two"].joins = False
        world["two"].replies["read logs"] = said(
            [], {"log:raylet.out": ["\x1b[31mCannot connect\x1b[0m\x07"]}
        )
        deployed.operate(operation.DEPLOY)
        assert deployed.failure("two").log == ("Cannot connect",)

    @pytest.mark.parametrize("reply", [refused("no"), KeyError("oops"), OSError("lost")], ids=repr)
    def test_is_named_also_where_its_logs_cannot_be_read(self, deployed, world, reply):
        world["two"].joins = False
        world["two"].replies["read logs"] = reply
        assert deployed.operate(operation.DEPLOY) == 1
        assert deployed.failure("two").message == "did not join the cluster"

    @pytest.mark.parametrize(
        ("third", "why"),
        [
            (entry("10.0.0.3"), "could not run a task: no answer in time"),
            (entry("10.0.0.3", task_error="no such module"), "could not run a task: no such module"),
            (entry("10.0.0.3", alive=False), "left the cluster: Ray reports it as dead"),
            (
                {**entry("10.0.0.3", alive=False), "reason": "missed heartbeats"},
                "left the cluster: missed heartbeats",
            ),
            (ran("10.0.0.3", alive=False), "left the cluster: Ray reports it as dead"),
            (ran("10.0.0.9"), "did not join the cluster"),
            (ran("10.0.0.9", name="two"), "did not join the cluster"),
            (ran("10.0.0.3", name="somebody's"), "did not join the cluster"),
        ],
    )
    def test_is_reported_with_the_reason(self, deployed, world, third, why):
        world["head"].replies[TITLE] = table(ran("10.0.0.1"), ran("10.0.0.2"), third)
        assert deployed.operate(operation.DEPLOY) == 1
        assert deployed.failure("two").message == why


def test_a_restarted_node_is_in_the_table_dead_and_alive(deployed, world):
    dead = entry("10.0.0.3", alive=False)
    for entries in ([dead, ran("10.0.0.3")], [ran("10.0.0.3"), dead]):
        world["head"].replies[TITLE] = table(ran("10.0.0.1"), ran("10.0.0.2"), *entries)
        assert deployed.operate(operation.DEPLOY) == 0


def test_the_driver_waits_for_all_expected_nodes(deployed, world):
    asked = []
    world["head"].replies[TITLE] = lambda script: (
        asked.append(json.loads(value(script, "SPEC"))) or world["head"]._table(script)
    )
    world["one"].reachable = False
    deployed.operate(operation.DEPLOY)
    (spec,) = asked
    assert spec["expect"] == [["head", "10.0.0.1"], ["two", "10.0.0.3"]]
    assert (spec["address"], spec["tasks"], spec["timeout"]) == ("10.0.0.1:6379", True, 60.0)


class TestAWorkerThatThisRunHasStartedInVain:
    def test_is_stopped_again_and_that_is_said(self, fleet, world):
        world["two"].joins = False
        assert fleet.operate(operation.DEPLOY) == 1
        assert [world[name].active for name in ("head", "one", "two")] == [True, True, False]
        assert fleet.done()[2] == ["installed", "started", "stopped"]
        assert fleet.lines("! stopped again") == [
            "! stopped again, so that it does not start over and over: two"
        ]

    def test_one_that_ran_before_is_left_alone(self, deployed, world):
        world["two"].joins = False
        assert deployed.operate(operation.DEPLOY) == 1
        assert world["two"].active


class TestAHeadThatDoesNotAnswer:
    @pytest.mark.parametrize(
        ("reply", "why"),
        [
            (said([], {"log": ["Traceback", "ConnectionError: no GCS "]}), "ConnectionError: no GCS"),
            (said([], {}), "the driver returned nothing"),
            (said([], {"answer": [json.dumps(ran("10.0.0.1"))], "log": ["Killed"]}), "Killed"),
        ],
    )
    def test_is_named_and_no_worker_is_accused(self, deployed, world, reply, why):
        world["head"].replies[TITLE] = reply
        ended = []
        assert deployed.operate(operation.DEPLOY, ended.append) == 1
        assert deployed.failure("head").message == f"Ray's head does not answer: {why}"
        assert "✗ the head does not answer, so it is unknown which nodes have joined" in deployed.out
        assert [deployed.failure(name) for name in ("one", "two")] == [None, None]
        assert ended == []
