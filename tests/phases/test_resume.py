"""`start` starts what was deployed and is stopped, and nothing else; a restart stops only what it can start again."""

from __future__ import annotations

import pytest

from tasks.actions import summary
from tasks.phases import operation
from tests.phases.world import refused

INSTALLS = {"install Ray with uv", "get the image", "install Docker"}


@pytest.fixture
def stopped(fleet):
    assert fleet.operate(operation.DEPLOY) == 0
    assert fleet.operate(operation.STOP) == 0
    return fleet


def start(fleet, **more) -> int:
    return fleet.operate(operation.START, summary.deployed, what="start", **more)


@pytest.fixture(autouse=True)
def nothing_is_installed(fleet, world):
    yield
    if fleet.run.options.what == "start":
        assert not any(INSTALLS & set(host.titles) for host in world.hosts.values())


class TestStart:
    def test_a_stopped_cluster(self, stopped, world):
        assert start(stopped) == 0
        assert all(host.active for host in world.hosts.values())
        assert "3 hosts run Ray 2.52.0; a task ran on each" in stopped.out

    def test_nothing_is_deployed(self, fleet):
        assert start(fleet) == 1
        assert fleet.out.splitlines()[-2:] == [
            "✗ nothing is deployed on these hosts",
            "  → fab deploy-cluster installs and starts what is missing",
        ]

    def test_the_head_is_not_deployed(self, stopped, world):
        world["head"].state = None
        assert start(stopped) == 1
        assert "✗ nothing is deployed on the head, so there is no cluster to start" in stopped.out
        assert not any(host.active for host in world.hosts.values())

    def test_some_are_not_deployed(self, stopped, world):
        world["two"].state = None
        assert start(stopped) == 0
        assert [host.active for host in world.hosts.values()] == [True, True, False]
        assert (
            "! not deployed, so left alone: two; fab deploy-cluster installs and starts what is missing"
            in (stopped.out)
        )
        assert "2 hosts run Ray 2.52.0; a task ran on each" in stopped.out
        assert any(
            line.split()[0] == "two" and "not deployed" in line for line in stopped.out.splitlines() if line
        )

    def test_the_chosen_one_is_not_deployed(self, stopped, world):
        world["two"].state = None
        world["head"].active = True
        assert start(stopped, limit=["two"]) == 1
        assert "✗ nothing is deployed on two" in stopped.out

    def test_what_runs_is_left_alone_though_its_settings_have_changed(self, stopped, world):
        start(stopped)
        before = [dict(host.state) for host in world.hosts.values()]
        stopped.edit("cluster: lab", "cluster: lab\nray: {env: {A: b}}")
        world["two"].active = False
        assert start(stopped) == 0
        assert stopped.done() == [[], [], ["started"]]
        assert [host.state for host in world.hosts.values()][:2] == before[:2]

    def test_one_that_needs_an_installation_is_refused(self, stopped, world):
        world["two"].envs = set()
        assert start(stopped) == 1
        assert [host.active for host in world.hosts.values()] == [True, True, False]
        assert "two: needs more than a start: repair Ray, start (not running)" in stopped.out
        assert "fab deploy-cluster does that as well" in stopped.out

    def test_a_head_that_needs_an_installation_stops_it(self, stopped, world):
        world["head"].envs = set()
        assert start(stopped) == 1
        assert not any(host.active for host in world.hosts.values())

    def test_a_worker_whose_head_is_stopped(self, stopped):
        assert start(stopped, limit=["one"]) == 1
        assert "the cluster isn't running, so nothing can join it" in stopped.out


class TestRestart:
    @pytest.fixture
    def running(self, fleet):
        assert fleet.operate(operation.DEPLOY) == 0
        return fleet

    def restart(self, fleet, **more) -> int:
        return fleet.operate(operation.RESTART, summary.deployed, what="restart", **more)

    def test_every_node_is_stopped_and_started(self, running, world):
        assert self.restart(running) == 0
        assert running.done() == [["stopped", "started"]] * 3

    def test_workers_stop_first_and_start_last(self, running, world):
        order = []
        for host in world.hosts.values():
            does = {"stop Ray": host._stop, "start the head": host._start, "start the worker": host._start}
            for title, work in does.items():
                host.replies[title] = lambda s, h=host, t=title, w=work: order.append((t, h.name)) or w(s)
        assert self.restart(running) == 0
        assert [title for title, _ in order] == ["stop Ray"] * 3 + ["start the head"] + [
            "start the worker"
        ] * 2
        assert order[2] == ("stop Ray", "head")

    def test_a_problem_is_found_while_it_still_runs(self, running, world):
        world["head"].facts["home_writable"] = ""
        assert self.restart(running) == 1
        assert all(host.active and "stop Ray" not in host.titles for host in world.hosts.values())

    def test_what_cannot_be_installed_leaves_it_running(self, running, world):
        world["two"].envs = set()
        world["two"].replies["install Ray with uv"] = refused("no space left")
        assert self.restart(running) == 1
        assert all(host.active and "stop Ray" not in host.titles for host in world.hosts.values())

    def test_of_hosts_that_were_never_deployed_installs_nothing(self, fleet, world):
        assert self.restart(fleet) == 1
        assert "nothing is deployed on these hosts" in fleet.out
        assert all(set(host.titles) <= {"gather facts", "release the lock"} for host in world.hosts.values())

    def test_of_one_worker_leaves_the_others_alone(self, running, world):
        assert self.restart(running, limit=["one"]) == 0
        assert running.done() == [[], ["stopped", "started"], []]


class TestPlanAndDeployAgree:
    """A dry run refuses what the real one refuses, in the same words."""

    @pytest.fixture(params=["not deployed", "stopped", "changed", "unreachable"])
    def odd_head(self, request, fleet, world):
        if request.param != "not deployed":
            assert fleet.operate(operation.DEPLOY) == 0
        if request.param == "stopped":
            world["head"].active = False
        elif request.param == "changed":
            fleet.edit("name: head", "name: head, cpus: 2")
        elif request.param == "unreachable":
            world["head"].reachable = False
        return fleet

    def test_with_a_limit(self, odd_head):
        def refusal(**more):
            code = odd_head.operate(operation.PREPARE if more else operation.DEPLOY, limit=["one"], **more)
            return code, [line for line in odd_head.out.splitlines() if line.startswith(("✗", "  →"))][-2:]

        code, lines = refusal()
        assert code == 1
        assert refusal(dry_run=True) == (code, lines)
