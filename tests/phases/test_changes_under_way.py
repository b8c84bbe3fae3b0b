"""Drain, maintenance, removal and the restart in batches: what is asked, in which order, and what is left alone."""

from __future__ import annotations

import json

import pytest

from tasks.actions import summary
from tasks.phases import operation
from tasks.phases.roll import roll
from tasks.run.rolling import Rolling, progress
from tasks.run.status import as_json
from tests.phases.world import refused, said

HOLD, DRAIN, STOP = "hold the node back", "drain", "stop Ray"
ON_ONE = {"actor": "counter", "detached": True, "moves": True, "ip": "10.0.0.2"}
GROUP = {"group": "pack", "ips": ["10.0.0.1", "10.0.0.2"]}
OBJECTS = "  3 objects (1.5 MB), unless there is another copy or Ray computes them again"


@pytest.fixture
def up(fleet):
    assert fleet.operate(operation.DEPLOY) == 0
    return fleet


def drain(fleet, names=("one",), steps=operation.DRAIN, *, what="drain one", **more) -> int:
    return fleet.operate(steps, summary.drained, limit=names, what=what, **{"deadline": 600, **more})


class TestDrain:
    def test_the_hold_comes_before_the_drain_and_the_stop_is_ours(self, up, world):
        assert drain(up) == 0
        assert world["one"].titles[-2:] == [HOLD, STOP]
        (spec,) = world.drained
        assert spec["nodes"] == [["one", "10.0.0.2", ""]]
        assert spec["seconds"] == 600
        assert not world["one"].active
        assert world["two"].active
        assert json.loads(world["one"].hold)["kind"] == "drain"
        assert "drained and stopped on 1 host" in up.out

    def test_one_on_windows_is_asked_for_by_what_its_watch_knows(self, up, world):
        life = {"phase": "running", "since": 1, "node": "ab" * 28, "starts": [], "faults": []}
        world["one"].facts = {"uname": "Windows 10.0.22631.0 AMD64", "life": json.dumps(life)}
        assert drain(up) == 0
        (spec,) = world.drained
        assert spec["nodes"] == [["one", "10.0.0.2", "ab" * 28]]
        assert world["one"].titles[-2:] == [HOLD, STOP]
        assert json.loads(world["one"].hold)["kind"] == "drain"

    def test_an_idle_node_is_drained_without_a_question(self, up):
        drain(up)
        assert up.asked == []

    def test_what_ends_or_moves_is_named_first(self, up, world):
        world.work = [ON_ONE, GROUP, {"tasks": 2, "objects": 3, "bytes": 1_500_000, "ip": "10.0.0.2"}]
        drain(up)
        assert up.asked == [
            [
                "drain drains one, which ends or moves; work on other hosts continues:",
                "  1 actor: counter on one, restarted on another node without its state",
                "  1 placement group: pack on one, placed again where there is room",
                "  2 tasks if not done within 10 min, retried on another node where max_retries allows it",
                OBJECTS,
                "drain would end running work",
            ]
        ]

    def test_a_no_changes_nothing(self, up, world):
        world.work, up.yes = [ON_ONE], False
        assert drain(up) == 1
        assert HOLD not in world["one"].titles
        assert world["one"].active

    def test_the_deadline_names_what_it_ends(self, up, world):
        world.work, world.busy = [ON_ONE], {"one"}
        assert drain(up) == 0
        assert "one: still at work after 10 min; it ends now:\n    1 actor: counter on one" in up.out
        assert not world["one"].active

    def test_a_ray_that_cannot_drain_is_said_and_a_stop_offered(self, up, world):
        world["head"].state["ray"] = "2.7.2"
        assert drain(up) == 1
        assert "✗ Ray 2.7.2 cannot drain a node: Ray 2.10 and later can; nothing was changed" in up.out
        assert "fab stop --limit one" in up.out
        assert HOLD not in world["one"].titles

    def test_a_gcs_that_does_not_answer_stops_no_node(self, up, world):
        world["head"].replies[DRAIN] = said([], {"log": ["no answer within 60 s"]})
        assert drain(up) == 1
        assert "the drain did not work: no answer within 60 s; no node was stopped" in up.out
        assert world["one"].active

    def test_a_node_that_does_not_run_is_left_alone(self, up, world):
        world["one"].active = False
        assert drain(up, ("one", "two")) == 0
        assert "not running, so left alone: one" in up.out
        assert not world["one"].hold

    def test_lasts_until_a_start(self, up, world):
        drain(up)
        assert up.operate(operation.START) == 0
        assert world["one"].active
        assert not world["one"].hold

    def test_one_that_was_interrupted_is_started_anew(self, up, world):
        """Its unit counts as active, and its start script waits."""
        world["one"].hold = json.dumps({"kind": "drain", "since": "today"})
        assert up.operate(operation.START) == 0
        assert "start the worker" in world["one"].titles
        assert "start the worker" not in world["two"].titles


def maintain(fleet, names=("one",), **more) -> int:
    more = {"what": "maintenance on one", "deadline": 600, "why": "its disk", "user": "me@desk", **more}
    return fleet.operate(operation.MAINTENANCE_ON, summary.in_maintenance, limit=names, **more)


class TestMaintenance:
    def test_drains_stops_and_says_how_it_ends(self, up, world):
        assert maintain(up) == 0
        hold = json.loads(world["one"].hold)
        assert (hold["kind"], hold["who"], hold["why"]) == ("maintenance", "me@desk", "its disk")
        assert not world["one"].active
        assert "maintenance off --host one" in up.out

    def test_of_a_stopped_cluster_drains_nothing(self, up, world):
        assert up.operate(operation.STOP) == 0
        assert maintain(up) == 0
        assert world.drained == []
        assert world["one"].hold

    @pytest.mark.parametrize("steps", [operation.DEPLOY, operation.START, operation.RESTART])
    def test_is_left_alone(self, up, world, steps):
        maintain(up)
        assert up.operate(steps) == 0
        assert "! one: in maintenance since " in up.out
        assert ": its disk; it is left alone" in up.out
        assert not world["one"].active
        assert world["two"].active

    def test_alone_there_is_nothing_to_do(self, up, world):
        maintain(up)
        assert up.operate(operation.DEPLOY, limit=["one"]) == 1
        assert "every host that was chosen is in maintenance" in up.out

    def test_a_drain_does_not_replace_it(self, up, world):
        maintain(up)
        assert drain(up) == 1
        assert json.loads(world["one"].hold)["kind"] == "maintenance"

    def test_off_starts_it(self, up, world):
        maintain(up)
        off = {"limit": ["one"], "what": "maintenance off one"}
        assert up.operate(operation.MAINTENANCE_OFF, summary.deployed, **off) == 0
        assert world["one"].active
        assert not world["one"].hold
        assert "3 hosts run Ray" in up.out

    def test_status_says_why_and_since_when(self, up, world):
        maintain(up)
        found = {}
        up.operate(operation.STATUS, lambda run: found.update(as_json(run)))
        problem = found["nodes"][1]["problem"]
        assert problem.startswith("in maintenance since ")
        assert problem.endswith(": its disk")
        assert not found["healthy"]


class TestRemoval:
    def test_drains_first(self, up, world):
        assert drain(up, steps=operation.REMOVE, what="remove-worker one") == 0
        assert len(world.drained) == 1
        assert world["one"].state is None

    def test_with_force_it_does_not(self, up, world):
        world.work = [ON_ONE]
        assert drain(up, steps=operation.REMOVE, what="remove-worker one", deadline=None) == 0
        assert world.drained == []
        assert up.asked[0][0] == "remove-worker stops Ray on one, which ends; work on other hosts continues:"

    def test_without_a_head_it_does_not_either(self, up, world):
        world["head"].reachable = False
        assert drain(up, steps=operation.REMOVE, what="remove-worker one") == 1
        assert world.drained == []
        assert world["one"].state is None


class TestRolling:
    @pytest.fixture
    def kept(self, tmp_path):
        return tmp_path / "state/rolling.json"

    @pytest.fixture
    def rolling(self, up, kept):
        def do(names=("one", "two"), **more):
            how = {"batch": "10%", "canary": 1, "most_failures": 0, **more}
            plan = Rolling(**how, progress=progress(kept, "key", 1000.0))
            steps = (*operation.ROLLING, roll(plan))
            return up.operate(
                steps, summary.deployed, limit=names, what="restart --rolling", deadline=5, user="me@desk"
            )

        return do

    def test_one_after_the_other_and_the_head_stays(self, up, world, rolling, kept):
        assert rolling() == 0
        for name in ("one", "two"):
            assert world[name].titles[-3:] == [HOLD, STOP, "start the worker"]
            assert not world[name].hold
        assert STOP not in world["head"].titles
        assert [spec["nodes"][0][0] for spec in world.drained] == ["one", "two"]
        assert "batch 1 of 2, the canary: one\n" in up.out
        assert "the head is not restarted" in up.out
        assert "3 hosts run Ray" in up.out
        assert not kept.exists()

    def test_a_host_that_fails_ends_it_and_the_same_command_goes_on(self, up, world, rolling, kept):
        world["two"].replies["start the worker"] = refused("ray start failed twice", "look at it")
        assert rolling() == 1
        assert json.loads(kept.read_text())["done"] == ["one"]
        del world["two"].replies["start the worker"]
        assert rolling() == 0
        assert "goes on: 1 host done, 1 left" in up.out
        assert "start the worker" not in world["one"].titles
        assert world["two"].active
        assert not kept.exists()

    def test_the_canary_s_failure_spares_the_rest(self, up, world, rolling):
        world["one"].replies["start the worker"] = refused("ray start failed twice", "look at it")
        assert rolling() == 1
        assert "failed: one, more than --max-failures 0: 1 host not restarted" in up.out
        assert world["two"].active
        assert HOLD not in world["two"].titles

    def test_as_many_failures_as_are_allowed(self, up, world, rolling):
        world["one"].replies["start the worker"] = refused("ray start failed twice", "look at it")
        assert rolling(most_failures=1) == 1
        assert "start the worker" in world["two"].titles
        assert "restarts what has failed: one" in up.out

    def test_a_node_that_runs_no_task_is_its_own_failure(self, up, world, rolling):
        original = world["one"]._start

        def start(script):
            world["one"].joins = False
            return original(script)

        world["one"].replies["start the worker"] = start
        assert rolling() == 1
        assert "did not join the cluster" in up.out
        assert world["one"].titles[-1] == STOP

    def test_what_was_interrupted_comes_first_though_it_is_noted_as_done(self, up, world, rolling, kept):
        progress(kept, "key", 1000.0).mark(["two"])
        world["two"].hold = json.dumps({"kind": "restart"})
        assert rolling() == 0
        assert "batch 1 of 2: two\n" in up.out

    def test_a_ray_that_cannot_drain_stops_at_once_and_says_so(self, up, world, rolling):
        world["head"].state["ray"] = "2.7.2"
        world.work = [ON_ONE]
        assert rolling() == 0
        assert "Ray 2.7.2 cannot drain a node, so its work ends at once" in up.out
        assert world.drained == []
        assert up.asked[0][0].startswith("restart stops Ray on one, two, which ends;")
