"""An upgrade replaces all nodes together or none; a rollback goes back to what ran before it."""

from __future__ import annotations

import pytest

from tasks.actions import summary
from tasks.actions import upgrade as action
from tasks.inventory import edit
from tasks.phases import operation
from tests.phases.world import refused

OLD, NEW = "2.52.0", "2.53.0"


@pytest.fixture
def deployed(fleet):
    fleet.edit("cluster: lab", f"cluster: lab\nray: {{version: {OLD}}}")
    assert fleet.operate(operation.DEPLOY) == 0, fleet.out
    return fleet


def upgrade(fleet, version: str = NEW, end=None, **more) -> int:
    """As the task does it: the hosts file is written in the end. :param end: something else happens then."""
    values = action.wanted(fleet.cluster, version, None)
    before, fleet.cluster = fleet.cluster, edit.with_values(fleet.path, values)[1]
    try:
        return fleet.operate(
            operation.UPGRADE,
            end or (lambda run: action.upgraded(run, fleet.path, values)),
            what="upgrade",
            upgrade=True,
            **more,
        )
    finally:
        fleet.cluster = before
        fleet.write(fleet.path.read_text("utf-8"))


def rollback(fleet) -> int:
    code = fleet.operate(operation.ROLLBACK, lambda run: action.rolled_back(run, fleet.path), what="rollback")
    fleet.write(fleet.path.read_text("utf-8"))
    return code


def versions(world) -> list[str]:
    return [host.state["ray"] for host in world.hosts.values() if host.active]


class TestUpgrade:
    def test_all_nodes_change_together_and_the_file_says_so(self, deployed, world):
        assert upgrade(deployed) == 0, deployed.out
        assert versions(world) == [NEW] * 3
        assert f"version: {NEW}" in deployed.path.read_text("utf-8")
        assert deployed.lines("outage: ")
        question = deployed.asked[-1]
        assert (
            question[0]
            == f"upgrade stops all 3 hosts together, then starts Ray {NEW} on Python 3.11.2: Ray {OLD} -> {NEW}"
        )
        assert any("detached actors" in line for line in question)
        for host in world.hosts.values():
            at = host.titles.index
            assert at("import Ray and the packages") < at("begin the switch") < at("stop Ray")
            assert len(host.envs) == 2

    def test_a_deploy_after_it_changes_nothing(self, deployed):
        upgrade(deployed)
        assert deployed.operate(operation.DEPLOY, summary.deployed) == 0
        assert "nothing was changed" in deployed.out

    def test_nothing_to_do(self, deployed, world):
        assert upgrade(deployed, OLD) == 0, deployed.out
        assert "up to date; nothing was changed" in deployed.out
        assert not any("stop Ray" in host.titles for host in world.hosts.values())

    def test_no_is_an_answer(self, deployed, world):
        deployed.yes = False
        assert upgrade(deployed) == 1
        assert versions(world) == [OLD] * 3
        assert OLD in deployed.path.read_text("utf-8")

    def test_what_cannot_be_imported_leaves_the_old_cluster_running(self, deployed, world):
        world["two"].replies["import Ray and the packages"] = refused(
            "cannot be imported: emoji: ImportError: no"
        )
        assert upgrade(deployed) == 1
        assert "the cluster keeps running unchanged" in deployed.out
        assert versions(world) == [OLD] * 3
        assert [len(host.envs) for host in world.hosts.values()] == [1, 1, 1]
        assert not deployed.asked
        assert OLD in deployed.path.read_text("utf-8")

    @pytest.mark.parametrize("name", ["head", "two"])
    def test_one_that_does_not_start_goes_back_by_itself(self, deployed, world, name):
        world[name].starts_ray = OLD
        assert upgrade(deployed) == 1
        assert versions(world) == [OLD] * 3
        assert (
            f"upgrade failed: {name}: ray start failed twice; Ray {OLD} runs again on all hosts"
            in deployed.out
        )
        assert [len(host.envs) for host in world.hosts.values()] == [1, 1, 1]
        assert deployed.operate(operation.DEPLOY, summary.deployed) == 0
        assert "nothing was changed" in deployed.out

    def test_one_that_runs_no_task_goes_back_by_itself(self, deployed, world, monkeypatch):
        table = type(world).table

        def without_two(self, tasks):
            return [e for e in table(self, tasks) if e["name"] != "two" or self["two"].state["ray"] == OLD]

        monkeypatch.setattr(type(world), "table", without_two)
        assert upgrade(deployed) == 1
        assert "upgrade failed: two: did not join the cluster" in deployed.out
        assert versions(world) == [OLD] * 3

    def test_going_back_fails_too(self, deployed, world):
        world["head"].starts_ray = "1.0.0"
        assert upgrade(deployed) == 1
        assert "and so did going back (head: ray start failed twice)" in deployed.out
        assert "fab rollback" in deployed.out
        world["head"].starts_ray = ""
        assert rollback(deployed) == 0, deployed.out
        assert versions(world) == [OLD] * 3

    def test_every_host_is_needed(self, deployed, world):
        world["two"].reachable = False
        assert upgrade(deployed) == 1
        assert (
            "upgrade changes all hosts together, and not all can be: two; nothing was changed" in deployed.out
        )
        assert not deployed.asked

    def test_a_stopped_cluster(self, deployed):
        deployed.operate(operation.STOP)
        assert upgrade(deployed) == 1
        assert "the cluster isn't running" in deployed.out

    def test_deployed_by_an_older_version(self, deployed, world):
        world["two"].records.clear()
        assert upgrade(deployed) == 1
        assert "not known how to start again what runs on two" in deployed.out

    def test_a_dry_run_changes_nothing(self, deployed, world):
        assert upgrade(deployed, dry_run=True) in (0, 1)
        assert versions(world) == [OLD] * 3
        assert not any("begin the switch" in host.titles for host in world.hosts.values())

    def test_no_leaves_nothing_installed(self, deployed, world):
        deployed.yes = False
        upgrade(deployed)
        assert [len(host.envs) for host in world.hosts.values()] == [1, 1, 1]


class TestRollback:
    def test_a_lock_file_is_taken_back(self, deployed, world, tmp_path):
        path = tmp_path / "requirements.lock"
        deployed.write(deployed.path.read_text("utf-8") + f"uv: {{lock: {path}}}\n")
        deployed.operate(operation.DEPLOY)
        before = path.read_text("utf-8")
        upgrade(deployed)
        assert path.read_text("utf-8") != before
        assert rollback(deployed) == 0, deployed.out
        assert path.read_text("utf-8") == before

    def test_another_runtime(self, deployed, world):
        upgrade(deployed)
        text = world["two"].records["previous"].replace('"runtime": "uv"', '"runtime": "conda"')
        world["two"].records["previous"] = text
        assert rollback(deployed) == 1
        assert "two: rollback cannot change the runtime (there: conda, hosts file: uv)" in deployed.out

    def test_back_and_forth(self, deployed, world):
        upgrade(deployed)
        assert rollback(deployed) == 0, deployed.out
        assert versions(world) == [OLD] * 3
        assert f"version: {OLD}" in deployed.path.read_text("utf-8")
        assert any(f"Ray {OLD} on Python 3.11.2" in line for line in deployed.asked[-1])
        assert any(line.startswith("it ran since 20") for line in deployed.asked[-1])
        assert deployed.operate(operation.DEPLOY, summary.deployed) == 0
        assert "nothing was changed" in deployed.out
        assert rollback(deployed) == 0
        assert versions(world) == [NEW] * 3

    def test_nothing_to_go_back_to(self, deployed):
        assert rollback(deployed) == 1
        assert "there is nothing to go back to" in deployed.out

    def test_a_worker_that_came_later(self, deployed, world):
        upgrade(deployed)
        del world["two"].records["previous"]
        assert rollback(deployed) == 1
        assert "nothing to go back to on two, which came later" in deployed.out
        assert versions(world) == [NEW] * 3

    def test_a_file_without_a_version_stays_without(self, fleet, world):
        assert fleet.operate(operation.DEPLOY) == 0, fleet.out
        assert upgrade(fleet) == 0
        assert f"ray:\n  version: {NEW}\n" in fleet.path.read_text("utf-8")
        assert rollback(fleet) == 0
        assert "ray:\n  version: null\n" in fleet.path.read_text("utf-8")
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 0
        assert "nothing was changed" in fleet.out

    def test_a_file_that_asks_for_something_else(self, deployed):
        upgrade(deployed)
        deployed.edit("cluster: lab", "cluster: lab\nuv: {packages: ['ray[default]', emoji]}")
        deployed.edit(f"version: {NEW}", f"version: {NEW}, env: {{A: b}}")
        assert rollback(deployed) == 0
        assert "hosts.yml asks for something else on head, one, two" in deployed.out
