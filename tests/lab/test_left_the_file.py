"""Hosts leave the hosts file, newcomers fail, the head moves, and a destroyed cluster comes back from its backup."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.lab import hosts as helpers
from tests.lab.story import ok, sessions_begun, sh, status

TOKEN, LOCK = "/root/.rayfab/test/token", "/root/.rayfab/test/env/requirements.lock"
NOTHING = (
    "ls -d /root/.rayfab /etc/systemd/system/rayfab-test.service /tmp/ray 2>/dev/null; pgrep -l raylet; true"
)


@pytest.fixture(scope="module")
def trio(fresh_hosts):
    return fresh_hosts(3, flavour="python")


@pytest.fixture(scope="module")
def cluster(trio, tmp_path_factory):
    """A cluster of three, and fab with one home for all tests of this module: each begins where the last one ended."""
    folder = tmp_path_factory.mktemp("left")
    path = helpers.write_hosts_file(folder, trio)

    def fab(*words, file=path):
        return helpers.run_fab(folder / "home", *words, hosts_file=file)

    ok(fab("deploy-cluster"))
    return fab, path, folder


def roles(fab, path) -> dict[str, str]:
    said = status(lambda *words, hosts_file: fab(*words), path)
    assert said["healthy"], said
    return {node["name"]: node["role"] for node in said["nodes"]}


def job_of(fab) -> str:
    """The id of a job that has ended well."""
    return re.search(r"raysubmit_\w+", ok(fab("submit", "--", "echo", "before")))[0]


def remembered(cluster, job: str) -> dict[str, str]:
    """What the head tells another operator: id -> command of each change. It also knows how this job has ended."""
    fab, path, folder = cluster
    jobs = {one["id"]: one["status"] for one in json.loads(ok(fab("jobs", "--json")))["jobs"]}
    assert jobs[job] == "SUCCEEDED"
    said = helpers.run_fab(folder / "another home", "history", "--json", hosts_file=path)
    return {one["id"]: one["command"].split()[1] for one in json.loads(ok(said))["entries"]}


def test_a_host_taken_out_is_named_and_pruned(trio, cluster):
    fab, path, folder = cluster
    head, one, two = trio
    kept = json.loads(sh(head, "cat /root/.rayfab/test/deployed.json"))
    assert [host["name"] for host in kept["hosts"]] == sorted(host.name for host in trio)
    assert sh(head, "stat -c %a /root/.rayfab/test/deployed.json") == "600"
    helpers.write_hosts_file(folder, [head, one])
    before = sessions_begun(head)
    out = ok(fab("deploy-cluster"))
    assert sessions_begun(head) - before <= 3, "an up-to-date head costs three channels"
    assert f"{two.name} ({two.address}) has left the hosts file and still runs" in out
    assert sh(two, "pgrep raylet"), "nothing is removed without --prune"
    assert fab("deploy-cluster", "--prune").returncode == 2, "there is no terminal to ask on"
    out = ok(fab("deploy-cluster", "--prune", "--yes"))
    assert f"from {two.name}, which left the hosts file" in out
    assert sh(two, NOTHING) == ""
    assert roles(fab, path) == {head.name: "head", one.name: "worker"}


def test_a_newcomer_that_fails_leaves_nothing(trio, cluster):
    fab, path, folder = cluster
    head, one, two = trio
    wrong = {"ray": {"worker_args": ["--no-such-flag"]}}
    other = helpers.write_hosts_file(folder, [head, one], settings=wrong, name="wrong.yml")
    text = other.read_text()
    done = fab("add-worker", "--host", two.address, file=other)
    assert done.returncode == 1
    assert "no-such-flag" in done.stdout
    assert f"what was installed was removed again: {two.address}" in done.stdout
    assert other.read_text() == text
    assert sh(two, NOTHING) == ""
    assert roles(fab, path) == {head.name: "head", one.name: "worker"}


def test_the_head_moves_and_the_old_one_becomes_a_worker(trio, cluster):
    fab, path, _ = cluster
    head, one, _ = trio
    token = sh(head, f"cat {TOKEN}")
    job = job_of(fab)
    before = remembered(cluster, job)
    out = ok(fab("move-head", "--to", one.name, "--yes"))
    assert f"{one.name} is the head of test" in out
    assert roles(fab, path) == {one.name: "head", head.name: "worker"}
    assert sh(one, f"cat {TOKEN}") == token
    after = remembered(cluster, job)
    assert before and before.items() < after.items() and "move-head" in after.values()
    assert "up to date; nothing was changed" in ok(fab("deploy-cluster"))
    assert sh(head, "ls /root/.rayfab/test/deployed.json 2>/dev/null; true") == ""
    assert "has left" not in out


# every node starts twice
@pytest.mark.matrix
def test_a_head_that_does_not_start_brings_the_old_one_back(trio, cluster):
    fab, path, folder = cluster
    before = roles(fab, path)
    old = next(host for host in trio if before.get(host.name) == "head")
    new = next(host for host in trio if before.get(host.name) == "worker")
    wrong = {new.name: {"ray": {"head_args": ["--no-such-flag"]}}}
    broken = helpers.write_hosts_file(folder, [old, new], per_host=wrong, name="broken.yml")
    text = broken.read_text()
    done = fab("move-head", "--to", new.name, "--yes", file=broken)
    assert done.returncode == 1
    assert "no-such-flag" in done.stdout
    assert f"the head has not moved: {old.name} runs again" in done.stdout
    assert broken.read_text() == text
    assert roles(fab, path) == before


# everything is installed twice
@pytest.mark.matrix
def test_a_destroyed_cluster_comes_back_from_its_backup(trio, cluster):
    fab, path, folder = cluster
    before = roles(fab, path)
    head = next(host for host in trio if before.get(host.name) == "head")
    token, lock, text = sh(head, f"cat {TOKEN}"), sh(head, f"cat {LOCK}"), path.read_text()
    job = job_of(fab)
    knew = remembered(cluster, job)
    file = folder / "test.tar"
    ok(fab("backup", "--output", str(file)))
    assert file.stat().st_mode & 0o777 == 0o600
    ok(fab("destroy", "--yes"))
    assert sh(head, NOTHING) == ""
    shutil.move(path, folder / "gone.yml")
    ok(fab("restore", str(file)))
    assert path.read_text() == text
    out = ok(fab("deploy-cluster"))
    assert "Resolve versions" not in out, "the locks are those of the backup"
    assert sh(head, f"cat {TOKEN}") == token
    assert sh(head, f"cat {LOCK}") == lock
    assert roles(fab, path) == before
    assert knew and knew.items() < remembered(cluster, job).items()
