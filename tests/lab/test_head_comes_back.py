"""A head that keeps its state, on real hosts: it dies in each way, and comes back as the head that it was."""

from __future__ import annotations

import json

import pytest

from tests.lab import hosts as helpers
from tests.lab.story import ok, raylet, sh, status, until

WORK = """
import json, sys, time
import ray
from ray.util.placement_group import placement_group

what, worker = sys.argv[1], sys.argv[2]
ray.init(log_to_driver=False, logging_level="error", namespace="lasting")


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
class Keeper:
    def __init__(self):
        self.count = 0

    def more(self):
        import os

        self.count += 1
        return [os.getpid(), self.count]


if what == "make":
    on_worker = {f"node:{worker}": 0.001}
    keeper = Keeper.options(name="keeper", lifetime="detached", resources=on_worker).remote()
    group = placement_group([{"CPU": 1}], name="group", lifetime="detached", strategy="PACK")
    ray.get(group.ready())
keeper = ray.get_actor("keeper")
pid, count = ray.get(keeper.more.remote(), timeout=60)
table = ray.util.placement_group_table()
print("WORK", json.dumps({
    "pid": pid, "count": count,
    "groups": sorted([id, one["state"]] for id, one in table.items() if one["name"] == "group"),
}))
"""
JOBS = (
    "from ray.job_submission import JobSubmissionClient as C;"
    "print('JOBS', [j.status.value for j in C('http://127.0.0.1:8265').list_jobs() if j.submission_id])"
)


class Cluster:
    """A head and its workers."""

    def __init__(self, hosts, path, home):
        self.hosts, self.path, self.home = hosts, path, home
        self.head, *self.workers = hosts

    def fab(self, *args, hosts_file=None, **more):
        return helpers.run_fab(self.home, *args, hosts_file=hosts_file or self.path, **more)

    def work(self, what="look"):
        """The detached actor on the worker, which counts its calls, and the placement group."""
        done = self.fab("exec", "--limit", self.head.name, "--", "python", *self.script(what))
        line = next((text for text in done.stdout.splitlines() if "WORK {" in text), None)
        assert line, done.stdout + done.stderr
        return json.loads(line.partition("WORK ")[2])

    def script(self, what):
        return ["-c", WORK, what, self.workers[0].address]

    def statuses(self):
        done = self.fab("exec", "--limit", self.head.name, "--", "python", "-c", JOBS)
        found = [line.partition("JOBS ")[2] for line in done.stdout.splitlines() if "JOBS [" in line]
        return json.loads(found[0].replace("'", '"')) if found else []

    def healthy(self):
        done = self.fab("status", "--json")
        try:
            return json.loads(done.stdout)["healthy"]
        except ValueError:
            return False

    def same_as(self, before, workers):
        """The worker's node and its actor have gone on, and the placement group is there."""
        after = self.work()
        assert [raylet(h) for h in self.workers] == workers
        assert after["pid"] == before["pid"]
        assert after["count"] > before["count"]
        assert after["groups"] == before["groups"]


def kill(host, comm):
    sh(host, f"for c in $(grep -lx {comm} /proc/[0-9]*/comm); do d=${{c%/comm}}; kill -9 ${{d#/proc/}}; done")


@pytest.fixture(scope="module")
def cluster(fresh_hosts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("head")
    hosts = fresh_hosts(2, flavour="python")
    made = Cluster(hosts, helpers.write_hosts_file(folder, hosts), folder / "home")
    made.planned = ok(made.fab("plan"))
    ok(made.fab("deploy-cluster"))
    made.work("make")
    ok(made.fab("submit", "--no-wait", "--", "sleep", "3600"))
    return made


@pytest.fixture
def before(cluster):
    """What there is before the head dies, and the workers' raylets."""
    return cluster.work(), [raylet(h) for h in cluster.workers]


def test_the_plan_and_status_say_that_it_is_kept(cluster):
    assert "the head's state: kept on disk" in cluster.planned
    said = status(cluster.fab, cluster.path)["head_state"]
    assert said["kept"] and said["bytes"] > 1e6
    assert set(said) == {"kept", "why", "since", "bytes", "put_aside"}
    assert "the head's state is kept since 20" in cluster.fab("status").stdout


def test_the_head_reboots(cluster, before):
    """A power cut of the head alone: its job is dead then, and Ray says so without being asked to do anything."""
    until(lambda: cluster.statuses() == ["RUNNING"], 30)
    cluster.head.stop()
    cluster.head.start()
    took = until(cluster.healthy, 120)
    cluster.same_as(*before)
    until(lambda: cluster.statuses() == ["FAILED"], 60)
    print(f"healthy {took:.0f} s after the head answers")
