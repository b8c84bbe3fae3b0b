"""Hosts that were deployed and have left the hosts file: the head remembers them, and --prune removes them."""

from __future__ import annotations

import json

import pytest
from invoke import Exit

from tasks import cluster as tasks
from tasks import workers
from tasks.phases import operation
from tasks.plan.deployed import Deployed, parse
from tests.phases.world import refused

TWO = "  - {host: 10.0.0.3, name: two}\n"
LEFT = "! two (10.0.0.3) has left the hosts file and still runs (fab deploy-cluster --prune removes it)"


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("RAYFAB_PROGRAM", raising=False)


@pytest.fixture
def cluster(fleet, world):
    """A cluster of three of which one has left the hosts file."""
    assert fleet.operate(operation.DEPLOY) == 0
    fleet.edit(TWO, "")
    world.forget_titles()
    return fleet


@pytest.fixture
def do(cluster, capsys):
    """do(task, ...) -> status and output."""

    def call(task, **flags):
        status = 0
        try:
            task.body(None, hosts_file=str(cluster.path), **flags)
        except Exit as end:
            status = end.code
            if end.message:
                print(end.message)
        out = capsys.readouterr()
        return status, " ".join((out.out + out.err).replace(f" --hosts-file {cluster.path}", "").split())

    return call


def remembered(world) -> list[str]:
    return [one["name"] for one in json.loads(world["head"].deployed or '{"hosts": []}')["hosts"]]


class TestRemembers:
    def test_what_was_deployed_and_how_it_is_reached(self, fleet, world):
        fleet.edit(TWO, "  - {host: 10.0.0.3, name: two, user: alice, port: 2222, password: 5ecret}\n")
        assert fleet.operate(operation.DEPLOY) == 0
        kept = json.loads(world["head"].deployed)
        assert kept["format"] == 1
        two = next(one for one in kept["hosts"] if one["name"] == "two")
        machine = two.pop("machine")
        assert machine.startswith("two-")
        assert two == {
            "name": "two",
            "host": "10.0.0.3",
            "user": "alice",
            "port": 2222,
            "connection": "ssh",
            "host_keys": "accept-new",
            "runtime": "uv",
            "node_ip": "10.0.0.3",
        }
        assert "5ecret" not in world["head"].deployed

    def test_a_deploy_that_changes_nothing_costs_three_channels(self, fleet, world):
        assert fleet.operate(operation.DEPLOY) == 0
        world.forget_titles()
        assert fleet.operate(operation.DEPLOY) == 0
        assert world["head"].titles == [
            "gather facts",
            "run a task on every node",
            "release the lock",
        ]

    def test_a_removed_worker_is_forgotten(self, cluster, world, do):
        assert do(workers.remove_worker, host=["one"])[0] == 0
        assert remembered(world) == ["head", "two"]

    def test_a_removed_worker_that_is_gone_for_good_is_forgotten(self, cluster, world, do):
        world["one"].reachable = False
        assert do(workers.remove_worker, host=["one"], force=True)[0] == 0
        assert remembered(world) == ["head", "two"]

    def test_a_host_with_another_name_has_not_left(self, cluster, world, do):
        cluster.edit("name: one", "name: uno")
        status, out = do(tasks.deploy_cluster)
        assert status == 0
        assert "one (10.0.0.2) has left" not in out
        assert remembered(world) == ["head", "two", "uno"]

    def test_a_host_with_another_address_and_the_same_machine_has_not_left(self, cluster, world, do):
        world.hosts["10.0.0.22"] = world.hosts.pop("10.0.0.2")
        world.hosts["10.0.0.22"].address = "10.0.0.22"
        cluster.edit("10.0.0.2", "10.0.0.22")
        assert "one (10.0.0.2) has left" not in do(tasks.deploy_cluster)[1]


class TestNamed:
    def test_by_a_deploy_a_plan_and_status(self, cluster, world, do):
        status, out = do(tasks.deploy_cluster)
        assert status == 0
        assert LEFT in out
        assert "in the cluster, but not in the hosts file" not in out, "it is named once"
        assert world["two"].titles == []
        assert remembered(world) == ["head", "one", "two"]
        assert "two (10.0.0.3) has left the hosts file and was not removed" in do(tasks.plan)[1]

    def test_as_not_removed_if_its_node_is_not_alive(self, cluster, world, do):
        world["two"].active = False
        assert "two (10.0.0.3) has left the hosts file and was not removed" in do(tasks.deploy_cluster)[1]

    def test_by_destroy_which_forgets_it(self, cluster, do):
        status, out = do(tasks.destroy, yes=True)
        assert status == 0
        assert "two left the hosts file, and afterwards nothing remembers how to reach them" in out


class TestPrune:
    def test_removes_it(self, cluster, world, do):
        status, out = do(tasks.deploy_cluster, prune=True, yes=True)
        assert status == 0, out
        assert "from two (10.0.0.3)" in out or "from two, which left the hosts file" in out
        assert world["two"].state is None
        assert remembered(world) == ["head", "one"]
        assert "has left the hosts file and" not in out
        assert world["head"].active and world["one"].active

    def test_without_a_terminal_nothing_is_connected(self, cluster, world, do):
        status, out = do(tasks.deploy_cluster, prune=True)
        assert status == 2
        assert "deploy-cluster --prune needs --yes where there is no terminal: nothing was changed" in out
        assert world["head"].titles == []

    def test_asks_before_it_connects_to_it(self, cluster, world):
        cluster.yes = False
        assert cluster.operate(operation.DEPLOY, prune=True) == 1
        assert world["two"].titles == []
        assert any("two, which left the hosts file" in line for lines in cluster.asked for line in lines)
        assert world["two"].active

    def test_a_dry_run_changes_nothing(self, cluster, world, do):
        assert do(tasks.deploy_cluster, prune=True, dry_run=True)[0] == 0
        assert world["two"].titles == []

    def test_one_that_cannot_be_reached_fails_and_stays_remembered(self, cluster, world, do):
        world["two"].reachable = False
        status, out = do(tasks.deploy_cluster, prune=True, yes=True)
        assert status == 1
        assert "timed out after 10 s" in out
        assert "fab remove-worker --host 10.0.0.3 --force" in out
        assert remembered(world) == ["head", "one", "two"]
        assert world["one"].active

    def test_one_whose_removal_fails_stays_remembered(self, cluster, world, do):
        world["two"].replies["remove everything"] = refused("cannot remove /root/.rayfab/lab")
        assert do(tasks.deploy_cluster, prune=True, yes=True)[0] == 1
        assert "two" in remembered(world)

    def test_a_node_of_another_head_is_left_alone(self, cluster, world, do):
        world["two"].state["head"] = "10.0.0.9:6379"
        status, out = do(tasks.deploy_cluster, prune=True, yes=True)
        assert status == 1
        assert "its node belongs to another head (10.0.0.9:6379): nothing was removed" in out
        assert world["two"].state is not None

    def test_an_address_of_a_listed_host_is_left_alone(self, cluster, world, do):
        world["two"].facts |= {"hostname": "one", "machine-id": "one", "boot_id": "one"}
        status, out = do(tasks.deploy_cluster, prune=True, yes=True)
        assert status == 1
        assert "its address leads to one, which is in the hosts file: nothing was removed" in out

    def test_nobody_has_left(self, fleet, world):
        assert fleet.operate(operation.DEPLOY, prune=True) == 0
        assert "no host that was deployed has left the hosts file" in fleet.out

    def test_with_a_limit_it_is_refused(self, do):
        status, out = do(tasks.deploy_cluster, prune=True, limit=["one"], yes=True)
        assert status == 2
        assert "--prune is for the whole hosts file" in out


class TestAddWorkerThatFails:
    def test_takes_its_node_down_again(self, cluster, world, do):
        new = world.add("10.0.0.13", "10.0.0.13")
        new.joins = False
        before = cluster.path.read_text()
        status, out = do(workers.add_worker, host=["10.0.0.13"])
        assert status == 1
        assert new.state is None and not new.active
        assert "what was installed was removed again: 10.0.0.13" in out
        assert cluster.path.read_text() == before
        assert remembered(world) == ["head", "one", "two"]

    def test_also_where_the_head_does_not_answer(self, cluster, world, do):
        new = world.add("10.0.0.13", "10.0.0.13")
        world["head"].replies["run a task on every node"] = refused("no answer")
        assert do(workers.add_worker, host=["10.0.0.13"])[0] == 1
        assert new.state is None

    def test_a_listed_one_stays_installed(self, cluster, world, do):
        cluster.edit("workers:\n", "workers:\n  - 10.0.0.13\n")
        world["10.0.0.13"].joins = False
        assert do(workers.add_worker, host=["10.0.0.13"])[0] == 1
        assert world["10.0.0.13"].state is not None and not world["10.0.0.13"].active


BROKEN = (
    *("", "{", "[]", '{"format": 1, "hosts": 3}'),
    '{"format": 2, "hosts": [{"name": "a", "host": "a"}]}',
    '{"format": 1, "hosts": [3, {"name": 3}, {"name": "a"}]}',
)


@pytest.mark.parametrize("text", BROKEN)
def test_a_memory_that_is_damaged_is_no_memory(text):
    assert parse(text) == []


def test_a_later_program_may_remember_more():
    text = '{"format": 1, "hosts": [{"name": "a", "host": "b", "jump": ["c"], "more": 1}]}'
    assert parse(text) == [Deployed("a", "b", jump=("c",))]
