"""fab history: all that changes a cluster is remembered on its head and here, and no secret with it."""

from __future__ import annotations

import json

import pytest
from invoke import Exit

from tasks import cluster as clusters
from tasks import history as tasks
from tasks.actions import cli
from tasks.commandline.groups import GROUPS
from tasks.phases import operation
from tasks.run.failures import Failure
from tasks.run.step import Step
from tests.namespace import CONTEXTS
from tests.phases.world import long, said

# every task that changes a cluster -> the step lists through which it goes. Each takes the lock, and whoever has held
# the lock is remembered when the run ends.
CHANGING = {
    "deploy-cluster": [operation.DEPLOY],
    "add-worker": [operation.ADD],
    "remove-worker": [operation.REMOVE, operation.REMOVE_KEEPING_FILES],
    "drain": [operation.DRAIN],
    "maintenance": [operation.MAINTENANCE_ON, operation.MAINTENANCE_OFF],
    "start": [operation.START],
    "stop": [operation.STOP],
    "restart": [operation.RESTART, operation.ROLLING],
    "upgrade": [operation.UPGRADE],
    "rollback": [operation.ROLLBACK],
    "test-head": [operation.TEST_HEAD],
    "move-head": [operation.LEAVE, operation.PREPARE],
    "clean": [operation.LOCKED_FACTS],
    "destroy": [operation.DESTROY],
    "pull-image": [operation.PULL_IMAGE],
    "restore": [operation.HOLD],
}
# of the groups whose tasks change clusters, those that do not: they write files on this machine
NOT_CHANGING = {"init", "bundle", "backup"}


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def remembers(world):
    """The made-up head keeps what a run tells it: its lines."""
    kept: list[str] = []

    def unlock(host):
        def reply(script):
            if "\nHISTORY=" in script:
                kept.extend(long(script, "HISTORY").splitlines())
            return type(host)._unlock(host, script)

        return reply

    for host in world.hosts.values():
        host.replies["release the lock"] = unlock(host)
        host.replies["read the history"] = lambda script: said([], {"history": list(kept)})
    return kept


@pytest.fixture
def do(fleet, capsys):
    def call(task, *words, **flags):
        status = 0
        try:
            task.body(None, *words, hosts_file=str(fleet.path), **flags)
        except Exit as end:
            status = end.code
        out = capsys.readouterr()
        return status, out.out, out.err

    return call


def test_every_task_that_changes_a_cluster_is_listed():
    of_groups = {name for group in ("deploy", "change", "keep") for name in GROUPS[group]}
    assert of_groups & set(CONTEXTS) - NOT_CHANGING == set(CHANGING)


@pytest.mark.parametrize("name", CHANGING)
def test_and_takes_the_lock_before_its_first_change(name):
    for steps in CHANGING[name]:
        assert next(step for step in steps if step.changes).locks


def test_a_deploy_is_remembered_there_and_here(fleet, world, do, remembers):
    assert do(clusters.deploy_cluster)[0] == 0
    (there,) = map(json.loads, remembers)
    assert there["hosts"] == ["head", "one", "two"] and there["result"] == "done"
    assert there["did"] == {"installed, started": ["head", "one", "two"]}
    status, out, _ = do(tasks.history, json=True)
    (shown,) = json.loads(out)["entries"]
    assert status == 0 and shown == there
    assert f"{there['who']}@{there['from']}" == cli.user()
    # another operator has only what the head remembers, and sees the same
    (fleet.path.parent / "state/rayfab/audit.jsonl").unlink()
    assert json.loads(do(tasks.history, json=True)[1])["entries"] == [there]


def test_a_run_that_finds_nothing_to_change_is_not(fleet, world, do, remembers):
    do(clusters.deploy_cluster)
    do(clusters.deploy_cluster)
    assert len(remembers) == 1
    assert len(json.loads(do(tasks.history, json=True)[1])["entries"]) == 1


def test_where_the_head_is_away_what_this_machine_did_is_shown(fleet, world, do, remembers):
    do(clusters.deploy_cluster)
    world["head"].reachable = False
    status, out, err = do(tasks.history)
    assert status == 1 and "head, one, two" in out
    assert "only what this machine has done is known" in err


def test_a_failure_is_remembered_with_its_reason_and_without_secrets(
    fleet, world, do, remembers, monkeypatch
):
    fleet.write(fleet.path.read_text() + "ssh: {password: hunter2-x}\n")

    def fail(run):
        run.did(run.every()[0], "started")
        run.fail(run.every()[1], Failure("said hunter2-x and token=abcdefgh", "repair it"))

    monkeypatch.setattr(operation, "STOP", (*operation.LOCKED_FACTS, Step("Fail", fail)))
    assert do(clusters.stop, yes=True)[0] == 1
    (there,) = map(json.loads, remembers)
    assert there["failed"] == {"one": "said *** and token=***"} and there["result"] == "failed"
    assert "hunter2" not in (fleet.path.parent / "state/rayfab/audit.jsonl").read_text()


def test_a_run_that_died_is_remembered_by_the_next_one(fleet, world, do, remembers):
    head = world["head"]

    def stale(script):
        answer = type(head)._facts(head, script)
        holder = "bob@desk (process 7) since 2026-01-02 03:04:05 UTC: upgrade"
        answer.values["stale"], answer.all["stale"] = holder, [holder]
        return answer

    head.replies["gather facts"] = stale
    do(clusters.deploy_cluster)
    cut, mine = map(json.loads, remembers)
    assert (cut["who"], cut["result"]) == ("bob", "cut off") and mine["result"] == "done"


def test_only_what_concerned_a_host(fleet, world, do, remembers):
    do(clusters.deploy_cluster)
    do(clusters.stop, limit=["two"], yes=True)
    entries = json.loads(do(tasks.history, host=["one"], json=True)[1])["entries"]
    assert [one["hosts"] for one in entries] == [["head", "one", "two"]]
