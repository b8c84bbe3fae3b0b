"""The list of an operation is true: a step that changes hosts declares it, and a dry run sends nothing that does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.phases import operation
from tasks.run.failures import DryRunViolation
from tasks.run.stages import Reached
from tasks.run.step import Step
from tasks.script.script import Effect, Script
from tests.phases.world import said

# What a host may be asked in a dry run; written down here once more, since the scripts' own word is what is tested.
READ_ONLY = {
    "gather facts",
    "check running work",
    "read Ray's node table",
    "run a task on every node",
    "read logs",
    "read what can be started again",
    "read the lock",
}
OPERATIONS = {
    name: steps
    for name, steps in vars(operation).items()
    if name.isupper() and not name.startswith("_") and all(isinstance(one, Step) for one in steps)
}


def is_read_only(title: str) -> bool:
    return title in READ_ONLY or title == "try the ports between the hosts"


def changing(world) -> list[str]:
    """All that was sent to hosts and may change them."""
    scripts = [title for host in world.hosts.values() for title in host.titles if not is_read_only(title)]
    return scripts + [name for host in world.hosts.values() for name in host.carried]


class TestTheList:
    def test_a_deploy_has_these_steps_in_this_order(self):
        assert [(one.title, "changes hosts" if one.changes else "") for one in operation.DEPLOY] == [
            ("Check the files on this machine", ""),
            ("Connect", ""),
            ("Lock the cluster, and gather facts", "changes hosts"),
            ("See that the head answers", ""),
            ("Ask before hosts that have left the hosts file are removed", ""),
            ("Leave out hosts in maintenance", ""),
            ("Validate hosts", ""),
            ("See that the head runs", ""),
            ("Ask before running work ends", ""),
            ("Run before_deploy", "changes hosts"),
            ("See that the head answers", ""),
            ("Install Docker", "changes hosts"),
            ("See who has the image", ""),
            ("Get images", "changes hosts"),
            ("Compare images", ""),
            ("Resolve versions", ""),
            ("Plan", ""),
            ("See that the head is up to date", ""),
            ("Try the ports between the hosts", ""),
            ("Ask before running work ends", ""),
            ("Remove hosts that have left the hosts file", "changes hosts"),
            ("Install and start", "changes hosts"),
            ("Run a task on every node", ""),
            ("Try the ports of the nodes", ""),
            ("Run after_join", "changes hosts"),
            ("Stop what could not join", ""),
        ]

    @pytest.mark.parametrize("name", [n for n, steps in OPERATIONS.items() if any(s.changes for s in steps)])
    def test_an_operation_that_changes_hosts_takes_the_lock_first(self, name):
        assert next(one for one in OPERATIONS[name] if one.changes).locks

    def test_debug_shows_each_step_as_it_begins(self, fleet):
        fleet.operate(operation.STATUS, debug=True)
        titles = [line for line in fleet.out.splitlines() if line.startswith("=== ")]
        assert titles == [f"=== {one.title}" for one in operation.STATUS]


DOCKER = "cluster: lab\nruntime: docker\ndocker: {image: 'rayproject/ray:2.52.0'}"
DEBIAN = {
    "docker_problem": "missing",
    "os_ID": "debian",
    "os_VERSION_CODENAME": "bookworm",
    "tool": "apt-get",
}


@pytest.fixture(params=["bare", "running", "changed", "stopped", "Docker missing", "image missing"])
def any_fleet(request, fleet, world):
    """Hosts in each state in which an operation would do something else."""
    if request.param in ("running", "changed", "stopped"):
        assert fleet.operate(operation.DEPLOY) == 0
    if request.param == "changed":
        fleet.edit("name: head", "name: head, labels: {zone: a}")
        world["two"].envs = set()
    elif request.param == "stopped":
        assert fleet.operate(operation.STOP) == 0
    elif request.param in ("Docker missing", "image missing"):
        fleet.edit("cluster: lab", DOCKER)
        for host in world.hosts.values():
            host.facts = dict(DEBIAN) if request.param == "Docker missing" else {"docker": "28.0.1"}
            host.replies["install Docker"] = said(
                [("docker", "28.0.1"), ("docker_via", "root"), ("changed", "1")]
            )
    world.forget_titles()
    return fleet


class TestADryRun:
    @pytest.mark.parametrize("name", OPERATIONS)
    def test_of_any_operation_sends_no_script_that_changes_hosts(self, any_fleet, world, name):
        any_fleet.operate(OPERATIONS[name], dry_run=True)
        assert changing(world) == []
        assert world.held_by == ""
        assert any_fleet.asked == []

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_nor_do_steps_that_declare_nothing(self, any_fleet, world, name):
        """The second wall: though the list lets every step through, the door does not."""
        silent = [one.dry_run or replace(one, changes=False) for one in OPERATIONS[name]]
        any_fleet.operate(silent, dry_run=True)
        assert changing(world) == []

    def test_a_refused_script_or_copy_is_named(self, fleet, world):
        script = Script("remove the disk", ("destroy",), {})

        def work(run):
            node = run.head(Reached)
            with pytest.raises(
                DryRunViolation, match="a dry run changes nothing, and this could: remove the disk"
            ):
                run.ask(node, script, timeout=1.0)
            with pytest.raises(DryRunViolation, match="copy /etc/passwd"):
                run.carry(node, b"", "/etc/passwd")

        assert fleet.operate([*operation.FACTS, Step("Try", work)], dry_run=True) == 0, fleet.out
        assert changing(world) == []

    def test_a_script_that_declares_nothing_counts_as_one_that_changes(self):
        assert Script("anything", ("stop",), {}).effect is Effect.CHANGES


class TestARealRun:
    @pytest.mark.parametrize("name", OPERATIONS)
    def test_only_steps_that_declare_it_change_hosts(self, any_fleet, world, name):
        undeclared = []

        def watched(step: Step) -> Step:
            def work(run):
                before = changing(world), world.held_by
                try:
                    step(run)
                finally:
                    if not step.changes and (changing(world), world.held_by) != before:
                        undeclared.append(step.title)

            return replace(step, work=work)

        any_fleet.operate([watched(one) for one in OPERATIONS[name]])
        assert undeclared == []

    def test_the_made_up_hosts_see_what_changes_them(self, any_fleet, world):
        """Else the tests above would pass though nothing was sent at all."""
        assert any_fleet.operate(operation.RESTART if world["head"].active else operation.DEPLOY) == 0
        assert "start the worker" in changing(world)
        if any_fleet.node("one").host.runtime == "docker":
            assert "get the image" in changing(world)
