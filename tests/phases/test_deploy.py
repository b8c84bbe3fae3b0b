"""A deploy over made-up hosts: what is done where, and the price of it in exec channels."""

from __future__ import annotations

import functools
import re
import threading

import pytest

from tasks.actions import summary
from tasks.phases import operation
from tests.phases.world import refused, said

PLAN = {"dry_run": True}
SCRIPTS = functools.partial(summary.planned, scripts=True)


@pytest.fixture
def deployed(fleet, world):
    assert fleet.operate(operation.DEPLOY, summary.deployed) == 0
    return fleet


class TestFresh:
    def test_every_host_is_installed_started_and_ran_a_task(self, deployed, world):
        assert "✓ 3 hosts run Ray 2.52.0; a task ran on each" in deployed.out
        assert all(h.active and h.envs for h in world.hosts.values())
        assert deployed.done() == [["installed", "started"]] * 3

    def test_workers_start_after_the_head_and_with_its_address(self, fleet, world):
        order = []
        for host in world.hosts.values():
            for title in ("start the head", "start the worker"):
                host.replies[title] = lambda script, host=host: order.append(host.name) or host._start(script)
        fleet.operate(operation.DEPLOY)
        assert order[0] == "head"
        assert {h.state["head"] for h in world.hosts.values()} == {"10.0.0.1:6379"}

    def test_workers_use_the_address_that_the_head_s_own_start_names(self, fleet, world):
        def start(script):
            world["head"]._start(script)
            return said([], {"address": ["    ray start --address='10.0.0.77:6379'"]})

        world["head"].replies["start the head"] = start
        fleet.operate(operation.DEPLOY)
        assert {world[name].state["head"] for name in ("one", "two")} == {"10.0.0.77:6379"}

    def test_the_token_goes_from_the_head_to_all_and_is_never_shown(self, fleet, world):
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 0
        given = {name: s["RF_TOKEN"].reveal() for name, s in world.secrets_seen if "RF_TOKEN" in s}
        assert given["one"] == given["two"] == "5ecret"
        assert "5ecret" not in fleet.out
        fingerprints = {h.state["token"] for h in world.hosts.values()}
        assert len(fingerprints) == 1
        assert "" not in fingerprints

    def test_without_authentication_there_is_no_token(self, fleet, world):
        fleet.edit("cluster: lab", "cluster: lab\nray: {auth: none}")
        assert fleet.operate(operation.DEPLOY) == 0
        assert not any("RF_TOKEN" in s for _, s in world.secrets_seen)
        assert {h.state["token"] for h in world.hosts.values()} == {""}

    def test_the_packages_are_resolved_once(self, deployed, world):
        assert world.compiled == [None]


class TestConverged:
    def test_changes_nothing_and_reports_that(self, deployed, world):
        before = [dict(h.state) for h in world.hosts.values()]
        assert deployed.operate(operation.DEPLOY, summary.deployed) == 0
        assert "✓ 3 hosts up to date; nothing was changed, and a task ran on each" in deployed.out
        assert [h.state for h in world.hosts.values()] == before

    def test_costs_at_most_three_execs_a_host(self, deployed, world):
        deployed.operate(operation.DEPLOY)
        assert world.execs() == {"head": 3, "one": 1, "two": 1}
        assert sum(world.execs().values()) == sum(c.execs for c in world.connections[-3:])

    def test_the_plan_is_empty_and_takes_no_lock(self, deployed, world):
        world.held_by = "eve@far"
        assert deployed.operate(operation.PREPARE, summary.planned, **PLAN) == 0
        assert "✓ 3 hosts up to date; nothing to do" in deployed.out
        assert world.execs() == {"head": 1, "one": 1, "two": 1}


class TestChanged:
    def test_an_option_of_one_worker_restarts_that_worker_alone(self, deployed, world):
        deployed.edit("name: one", "name: one, labels: {zone: a}")
        assert deployed.operate(operation.DEPLOY, summary.deployed) == 0
        assert deployed.done() == [[], ["started"], []]
        assert set(world["two"].titles) == {"gather facts", "try the ports between the hosts"}

    def test_an_option_of_the_head_restarts_all(self, deployed):
        deployed.edit("name: head", "name: head, labels: {zone: a}")
        deployed.operate(operation.DEPLOY)
        assert deployed.done() == [["started"]] * 3

    def test_a_dead_worker_is_started_again(self, deployed, world):
        world["two"].active = False
        deployed.operate(operation.DEPLOY)
        assert deployed.done() == [[], [], ["started"]]

    def test_the_plan_shows_what_and_why_with_every_script_and_changes_nothing(self, deployed, world):
        deployed.edit("name: one", "name: one, labels: {zone: a}")
        assert deployed.operate(operation.PREPARE, SCRIPTS, **PLAN) == 0
        assert "### one: start the worker" in deployed.out
        assert "--labels=zone=a" in deployed.out
        assert "one   restart     --labels added" in deployed.out.splitlines()
        assert "! dry run: nothing was changed; 1 of 3 hosts would be" in deployed.out
        for name in ("one", "two"):
            assert world[name].titles == ["gather facts", "try the ports between the hosts"]


class TestBounded:
    def test_one_host_at_a_time(self, fleet):
        fleet.edit("cluster: lab", "cluster: lab\nssh: {parallel: 1}")
        ended = []
        thread = threading.Thread(target=lambda: ended.append(fleet.operate(operation.DEPLOY)), daemon=True)
        thread.start()
        thread.join(timeout=30)
        assert ended == [0], "a worker waits for a head that waits for its turn"


class TestDocker:
    @pytest.fixture
    def docker(self, fleet):
        fleet.edit("cluster: lab", "cluster: lab\nruntime: docker\ndocker: {image: 'rayproject/ray:2.52.0'}")
        return fleet

    def test_pulls_starts_and_is_converged_then(self, docker, world):
        assert docker.operate(operation.DEPLOY, summary.deployed) == 0
        assert docker.done() == [["pulled the image", "started"]] * 3
        assert docker.operate(operation.DEPLOY, summary.deployed) == 0
        assert world.execs() == {"head": 3, "one": 1, "two": 1}

    def test_one_that_cannot_pull(self, docker, world):
        world["two"].replies["get the image"] = refused("no space for the image", "free some")
        assert docker.operate(operation.DEPLOY, summary.deployed) == 1
        assert world["one"].active
        assert not world["two"].active

    def test_a_plan_before_the_image_is_there_pulls_nothing(self, docker, world):
        assert docker.operate(operation.PREPARE, summary.planned, **PLAN) == 0
        assert re.search("head +pull the image, start +rayproject/ray:2.52.0", docker.out)
        assert not any("get the image" in host.titles for host in world.hosts.values())


class TestLimit:
    def test_changes_the_chosen_host_alone(self, deployed, world):
        deployed.edit("cluster: lab", "cluster: lab\nray: {worker_args: [--verbose]}")
        assert deployed.operate(operation.DEPLOY, summary.deployed, limit=["one"]) == 0
        assert deployed.done() == [[], ["started"], []]

    def test_is_refused_where_the_head_does_not_run(self, fleet, world):
        assert fleet.operate(operation.DEPLOY, limit=["one"]) == 1
        assert fleet.out.splitlines()[-2:] == [
            "✗ the cluster isn't running, so nothing can join it",
            "  → fab deploy-cluster starts it",
        ]
        assert not world["one"].envs

    def test_is_refused_where_the_head_is_not_up_to_date(self, deployed, world):
        deployed.edit("name: head", "name: head, cpus: 2")
        assert deployed.operate(operation.DEPLOY, limit=["one"]) == 1
        why = "the head is not up to date: restart (--num-cpus added)"
        assert f"✗ {why}" in deployed.out

    def test_the_head_alone(self, fleet, world):
        assert fleet.operate(operation.DEPLOY, limit=["head"]) == 0
        assert [h.active for h in world.hosts.values()] == [True, False, False]

    def test_a_running_host_outside_must_stay_in_the_cluster(self, deployed, world):
        world["two"].joins = False
        assert deployed.operate(operation.DEPLOY, limit=["one"]) == 1
        assert deployed.failure("two").message == "did not join the cluster"

    def test_a_stopped_host_outside_is_ignored(self, deployed, world):
        world["two"].active = False
        assert deployed.operate(operation.DEPLOY, limit=["one"]) == 0
