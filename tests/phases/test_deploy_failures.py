"""What one host's failure costs the others: nothing, unless it is the head's."""

from __future__ import annotations

import pytest

from tasks.actions import summary
from tasks.phases import operation
from tasks.ssh import StepTimeout
from tests.phases.world import refused, said
from tests.script.processes import until

PLAN = {"dry_run": True}


class TestOneWorkerFails:
    @pytest.mark.parametrize(
        ("title", "reply"),
        [
            ("gather facts", StepTimeout("two timed out after 60 s", "run again")),
            ("try the ports between the hosts", said([("listen", "20000"), ("reach", "head 6379 timeout")])),
            ("install Ray with uv", refused("cannot fetch packages", "mirrors.pypi")),
            ("start the worker", refused("Ray ended", "look", ["Unknown flag --no-such"])),
        ],
    )
    def test_the_others_continue(self, fleet, world, title, reply):
        world["two"].replies[title] = reply
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 1
        assert world["head"].active
        assert world["one"].active
        assert not world["two"].active
        assert "✗ 2 of 3 hosts run Ray 2.52.0; each of them ran a task" in fleet.out
        assert fleet.failure("two") is not None
        assert [fleet.failure(name) for name in ("head", "one")] == [None, None]

    def test_an_unreachable_worker_leaves_the_others_running(self, fleet, world):
        world["two"].reachable = False
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 1
        assert "✗ 2 of 3 hosts run Ray 2.52.0" in fleet.out
        assert fleet.lines("timed out after 10 s")[-1].startswith("two")

    def test_the_table_shows_the_lines_of_its_log(self, fleet, world):
        world["two"].replies["start the worker"] = refused("Ray ended", "look", ["Unknown flag --no-such"])
        fleet.operate(operation.DEPLOY)
        assert fleet.out.splitlines()[-2:] == ["two, last lines:", "  Unknown flag --no-such"]

    def test_that_cannot_reach_the_head_is_reported_with_the_port(self, fleet, world):
        world["two"].closed = {"head": "timeout"}
        fleet.operate(operation.DEPLOY)
        why = "two cannot reach the head at 10.0.0.1, ports 6379, 10002, 20000, 20001: timed out, as by a firewall"
        assert fleet.failure("two").message == why
        assert "install Ray with uv" not in world["two"].titles

    def test_that_the_head_cannot_reach_is_not_started(self, fleet, world):
        world["head"].closed = world["one"].closed = {"two": "timeout"}
        world["two"].firewall = "ufw"
        fleet.operate(operation.DEPLOY)
        why = "the head cannot reach two at 10.0.0.3, ports 10002, 20000, 20001: timed out, as by a firewall"
        assert fleet.failure("two").message.startswith(why)
        assert "; one cannot reach two at 10.0.0.3" in fleet.failure("two").message
        opens = "on two: for from in 10.0.0.1 10.0.0.2; do sudo ufw allow proto tcp from $from to any port "
        assert fleet.failure("two").hint.startswith(opens)
        assert not world["two"].envs
        assert [world[name].active for name in ("head", "one", "two")] == [True, True, False]

    def test_that_one_other_worker_cannot_reach_is_named_with_it(self, fleet, world):
        world["one"].closed = {"two": "error No route to host"}
        fleet.operate(operation.DEPLOY)
        assert fleet.failure("two").message == (
            "one cannot reach two at 10.0.0.3, ports 10002, 20000, 20001: No route to host"
        )

    @pytest.mark.parametrize("said", ["refused", "timeout"])
    def test_that_others_cannot_reach_where_ray_listens_is_stopped_again(self, fleet, world, said):
        """Such as published ports, on which nothing could listen before."""
        two = world["two"]

        def start(script):
            world["head"].closed = {"two": said}
            return two._start(script)

        two.replies["start the worker"] = start
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 1
        why = {
            "refused": "refused although two listens there, as by a firewall",
            "timeout": "timed out, as by a firewall",
        }
        assert fleet.failure("two").message == (
            f"the head cannot reach two at 10.0.0.3, ports 20000, 20001: {why[said]}"
        )
        assert fleet.failure("two").hint
        assert [world[name].active for name in ("head", "one", "two")] == [True, True, False]
        assert "✗ 2 of 3 hosts run Ray 2.52.0" in fleet.out

    @pytest.mark.parametrize(("source", "target"), [("one", "two"), ("two", "one")])
    def test_that_joins_a_running_cluster_is_tried_with_the_others(self, fleet, world, source, target):
        fleet.operate(operation.DEPLOY)
        fleet.operate(operation.STOP, limit=["two"])
        world[source].closed = {target: "timeout"}
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 1
        assert f"{source} cannot reach {target} at 10.0.0." in fleet.failure("two").message
        assert fleet.failure("one") is None
        assert [world[name].active for name in ("head", "one", "two")] == [True, True, False]

    def test_where_nothing_was_started_no_port_is_tried_again(self, fleet, world):
        fleet.operate(operation.DEPLOY)
        title = "try the ports between the hosts"
        assert [world[name].titles.count(title) for name in ("head", "one", "two")] == [2, 2, 2]
        fleet.operate(operation.DEPLOY)
        assert [world[name].titles.count(title) for name in ("head", "one", "two")] == [0, 0, 0]

    def test_with_invalid_facts(self, fleet, world):
        nonsense = said([("uname", "")], {"ifconfig": ["en0: flags", " inet 10.0.0.3 netmask 999.0.0.0"]})
        world["two"].replies["gather facts"] = nonsense
        assert fleet.operate(operation.DEPLOY) == 1
        assert world["one"].active
        assert fleet.failure("two").message.startswith("unexpected: ")

    def test_the_next_run_takes_up_what_is_missing(self, fleet, world):
        world["two"].replies["start the worker"] = refused("Ray ended")
        fleet.operate(operation.DEPLOY)
        world["two"].replies.clear()
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 0
        assert fleet.done() == [[], [], ["started"]]


class TestHeadFails:
    def untouched(self, world):
        return not any(h.active or h.envs for h in world.hosts.values())

    def test_an_unreachable_head_leaves_the_workers_untouched(self, fleet, world):
        world["head"].reachable = False
        assert fleet.operate(operation.DEPLOY) == 1
        assert "✗ the head is needed for everything else, and it failed" in fleet.out
        assert self.untouched(world)

    def test_a_problem_there(self, fleet, world):
        world["head"].facts["home_writable"] = ""
        assert fleet.operate(operation.DEPLOY) == 1
        assert "✗ nothing was changed: the head has a problem" in fleet.out
        assert self.untouched(world)

    @pytest.mark.parametrize(
        ("broken", "why"),
        [
            ({"reachable": False}, "the head is needed for everything else, and it failed"),
            ({"facts": {"home_writable": ""}}, "nothing was changed: the head has a problem"),
        ],
        ids=["unreachable", "problem"],
    )
    def test_no_plan_can_be_made_either(self, fleet, world, broken, why):
        vars(world["head"]).update(broken)
        assert fleet.operate(operation.PREPARE, summary.planned, **PLAN) == 1
        assert f"✗ {why}" in fleet.out
        assert "unexpected" not in fleet.out

    def test_that_does_not_start_leaves_the_workers_alone(self, fleet, world):
        world["head"].replies["start the head"] = refused("Ray ended", "fab logs says why")
        assert fleet.operate(operation.DEPLOY) == 1
        assert "✗ the head did not start, so no worker runs" in fleet.out
        assert not any(h.active for h in world.hosts.values())

    def test_workers_join_as_soon_as_its_gcs_listens(self, fleet, world):
        def start(script):
            world["head"].step("the GCS listens")
            # not before the worker runs
            until(lambda: world["one"].active)
            return world["head"]._start(script)

        world["head"].replies["start the head"] = start
        assert fleet.operate(operation.DEPLOY) == 0, fleet.out

    def test_that_fails_after_its_gcs_has_listened_takes_the_workers_down(self, fleet, world):
        def start(script):
            world["head"].step("the GCS listens")
            until(lambda: world["one"].active)
            return refused("Ray ended", "fab logs says why")

        world["head"].replies["start the head"] = start
        assert fleet.operate(operation.DEPLOY) == 1
        assert "! stopped again, so that it does not start over and over: one" in fleet.out
        assert "✗ the head did not start, so no worker runs" in fleet.out
        assert not any(h.active for h in world.hosts.values())

    def test_without_a_token_is_reported(self, fleet, world):
        world["head"].replies["get the cluster's token"] = refused(
            "cannot make /root/.rayfab/lab", "free space"
        )
        assert fleet.operate(operation.DEPLOY) == 1
        assert "✗ the head did not return the cluster's token, so nothing was started" in fleet.out
        assert fleet.out.splitlines()[-2:] == ["head    cannot make /root/.rayfab/lab", "  → free space"]
        assert not any(h.active for h in world.hosts.values())

    def test_that_cannot_pull_its_image(self, fleet, world):
        fleet.edit("cluster: lab", "cluster: lab\nruntime: docker\ndocker: {image: rayproject/rai}")
        world["head"].replies["get the image"] = refused(
            "there is no image rayproject/rai", "the README lists current ones"
        )
        assert fleet.operate(operation.DEPLOY) == 1
        assert "✗ the head has no image, so nothing was started" in fleet.out
        assert "unexpected" not in fleet.out
        assert not any(h.active for h in world.hosts.values())

    def test_that_cannot_install_leaves_the_workers_alone(self, fleet, world):
        world["head"].replies["install Ray with uv"] = refused("cannot fetch packages", "mirrors.pypi")
        assert fleet.operate(operation.DEPLOY) == 1
        assert "✗ the head did not start, so no worker runs" in fleet.out
        assert not any(h.active for h in world.hosts.values())
        # what the workers have installed meanwhile is taken up by the next run
        world["head"].replies.clear()
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 0
        assert fleet.done() == [["installed", "started"], ["started"], ["started"]]


class TestSameMachine:
    def test_under_two_names(self, fleet, world):
        world["two"].facts |= {"hostname": "one", "machine-id": "one", "boot_id": "one"}
        world["two"].address = world["one"].address
        assert fleet.operate(operation.DEPLOY) == 1
        assert fleet.failure("two").message == "is the same machine as one"
        assert world["one"].active
        assert not world["two"].active

    def test_with_one_address_for_two(self, fleet, world):
        world["two"].address = world["one"].address
        assert fleet.operate(operation.DEPLOY) == 1
        why = "its address 10.0.0.2 is on other hosts too, so it leads to none of them"
        assert [fleet.failure(name).message for name in ("one", "two")] == [why, why]
        assert "in Vagrant: private_network" in fleet.failure("two").hint

    def test_a_wrong_clock_is_reported_and_stops_nothing(self, fleet, world):
        world["two"].facts["clock"] = "1800000500"
        assert fleet.operate(operation.DEPLOY) == 0
        assert "! two: its clock differs by +500 s from the others; set it, or run an NTP client" in fleet.out
