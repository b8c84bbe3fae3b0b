"""Running work is asked for where something that runs would stop, before anything is changed, and nowhere else."""

from __future__ import annotations

import pytest

from tasks.actions import summary
from tasks.phases import operation
from tests.phases.world import refused, said

ASK = "check running work"
JOB = {"job": "raysubmit_1", "pending": False, "age": 5, "user": "", "ip": "10.0.0.1"}
ON_ONE = {"actor": "counter", "detached": True, "moves": False, "ip": "10.0.0.2"}
READ = {"gather facts", ASK, "release the lock", "try the ports between the hosts"}


@pytest.fixture
def busy(fleet, world):
    """A cluster with a job on the head and an actor on the first worker."""
    assert fleet.operate(operation.DEPLOY) == 0
    world.work = [JOB, ON_ONE]
    return fleet


def untouched(world) -> bool:
    return all(set(host.titles) <= READ and host.active for host in world.hosts.values())


def change(fleet, name: str) -> None:
    fleet.edit(f"name: {name}", f"name: {name}, labels: {{zone: a}}")


STOPS = {
    "stop": (operation.STOP, "stop"),
    "restart": (operation.RESTART, "restart"),
    "remove": (operation.REMOVE, "remove-worker one"),
}


class TestRefused:
    @pytest.mark.parametrize(("phases", "what"), STOPS.values(), ids=STOPS)
    def test_changes_nothing_and_releases_the_lock(self, busy, world, phases, what):
        busy.yes = False
        assert busy.operate(phases, what=what) == 1
        assert untouched(world)
        assert world.held_by == ""
        assert "  1 job: raysubmit_1, 5 s" in busy.asked[0]
        assert busy.asked[0][-1] == f"{what.split()[0]} would end running work"

    def test_a_refused_deploy_leaves_all_untouched(self, busy, world):
        busy.yes = False
        change(busy, "head")
        assert busy.operate(operation.DEPLOY) == 1
        assert busy.asked[0][0] == "deploy-cluster restarts Ray on head, one, two, which ends:"
        assert untouched(world)

    def test_of_a_destroy_even_where_nothing_runs(self, busy, world):
        busy.yes, world.work = False, []
        assert busy.operate(operation.DESTROY, what="destroy") == 1
        assert untouched(world)
        assert busy.asked == [
            [
                "this removes Ray, its environments, logs and settings of the cluster lab"
                " from head, one, two (3 hosts)",
                "destroy lab",
            ]
        ]

    def test_a_destroy_names_the_work_that_ends(self, busy):
        assert busy.operate(operation.DESTROY, what="destroy", limit=["one"]) == 0
        assert busy.asked[0] == [
            "this removes Ray, its environments, logs and settings of the cluster lab"
            " from one (1 host, of 3 in the cluster), and ends:",
            "  1 actor: counter on one",
            "destroy lab",
        ]

    def test_before_an_image_is_pulled(self, fleet, world):
        fleet.edit("cluster: lab", "cluster: lab\nruntime: docker\ndocker: {image: 'rayproject/ray:2.52.0'}")
        assert fleet.operate(operation.DEPLOY) == 0
        world.work, fleet.yes = [JOB], False
        for host in world.hosts.values():
            host.image = None
        assert fleet.operate(operation.DEPLOY) == 1
        assert untouched(world)
        fleet.yes = True
        assert fleet.operate(operation.DEPLOY) == 0
        assert len(fleet.asked) == 2, "asked again, though all was agreed to"


class TestAfterAnInterruption:
    """A run was interrupted between the start of the nodes and its note of it; the nodes came up by themselves."""

    @pytest.fixture
    def forgotten(self, busy, world):
        for host in world.hosts.values():
            host.state = None
            host.facts["node_processes"] = "1"
        busy.yes = False
        return busy

    def test_a_deploy_asks_the_head_that_it_would_restart(self, forgotten, world):
        assert forgotten.operate(operation.DEPLOY) == 1
        assert "  1 job: raysubmit_1, 5 s" in forgotten.asked[0]
        assert untouched(world)

    def test_a_deploy_continues_where_the_head_never_came_up(self, forgotten, world):
        world["head"].replies[ASK] = refused("ConnectionRefusedError")
        assert forgotten.operate(operation.DEPLOY) == 0
        assert forgotten.asked == []

    def test_a_stop_asks_even_if_running_work_is_unknown(self, forgotten, world):
        assert forgotten.operate(operation.STOP, what="stop") == 1
        assert (
            "running work could not be determined: the last start of the head was interrupted"
            in forgotten.asked[0][1]
        )
        assert untouched(world)

    def test_nothing_is_asked_where_no_process_runs(self, forgotten, world):
        for host in world.hosts.values():
            del host.facts["node_processes"]
        assert forgotten.operate(operation.STOP, what="stop") == 0
        assert forgotten.asked == []


class TestAgreed:
    def test_continues_and_reports_what_it_has_ended(self, busy, world):
        change(busy, "head")
        assert busy.operate(operation.DEPLOY, summary.deployed) == 0
        assert len(busy.asked) == 1
        assert "! ended 1 job: raysubmit_1, 5 s" in busy.out
        assert all(host.active for host in world.hosts.values())

    def test_of_a_stop_too(self, busy, world):
        assert busy.operate(operation.STOP, summary.stopped, what="stop") == 0
        assert "! ended 1 detached actor: counter" in busy.out
        assert not any(host.active for host in world.hosts.values())

    def test_reports_no_work_that_has_not_ended(self, busy, world):
        for host in world.hosts.values():
            host.replies["stop Ray"] = refused("it will not")
        assert busy.operate(operation.STOP, summary.stopped, what="stop") == 1
        assert "! ended" not in busy.out


class TestOneWorker:
    def test_work_on_it_is_named(self, busy):
        assert busy.operate(operation.STOP, what="stop", limit=["one"]) == 0
        assert busy.asked == [
            [
                "stop stops Ray on one, which ends; work on other hosts continues:",
                "  1 actor: counter on one",
                "stop would end running work",
            ]
        ]

    def test_no_question_where_nothing_runs_on_it(self, busy, world):
        assert busy.operate(operation.STOP, what="stop", limit=["two"]) == 0
        assert busy.asked == []
        assert not world["two"].active


class TestNothingToAsk:
    def test_a_converged_deploy_costs_no_question_to_ray(self, busy, world):
        assert busy.operate(operation.DEPLOY) == 0
        assert ASK not in world["head"].titles
        assert world.execs() == {"head": 3, "one": 1, "two": 1}

    def test_an_idle_cluster_is_stopped_without_a_question(self, busy, world):
        world.work = []
        assert busy.operate(operation.STOP, what="stop") == 0
        assert busy.asked == []

    def test_a_cluster_that_is_stopped(self, busy, world):
        busy.operate(operation.STOP)
        busy.asked.clear()
        assert busy.operate(operation.STOP) == 0
        assert busy.asked == []
        assert ASK not in world["head"].titles

    def test_a_plan_only_reports_it(self, busy, world):
        change(busy, "one")
        dry = {"dry_run": True}
        assert busy.operate(operation.PREPARE, summary.planned, **dry) == 0
        assert busy.asked == []
        assert "! running work that would end:\n    1 actor: counter on one\n" in busy.out
        assert untouched(world)


class TestAHeadThatCannotBeAsked:
    def test_its_gcs_does_not_answer(self, busy, world):
        world["head"].replies[ASK] = said([], {"log": ["no answer within 20 s"]})
        busy.yes = False
        assert busy.operate(operation.STOP, what="stop") == 1
        assert busy.asked[0][1] == (
            "  running work could not be determined: Ray's head does not answer: no answer within 20 s"
        )
        assert untouched(world)

    def test_a_head_that_cannot_be_reached_is_named_in_the_question(self, busy, world):
        world["head"].reachable = False
        assert busy.operate(operation.STOP, what="stop") == 1
        assert busy.asked[0][1] == "  running work could not be determined: the head cannot be reached"
        assert not world["one"].active
