"""Work survives a change, on real hosts: drain, maintenance with a reboot, and a restart in batches under a job."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.lab import hosts as helpers
from tests.lab.story import ok, raylet, sh, status, until

# short tasks, one after the other on every node, until the file is there; each may be tried again
JOB = """
import os, sys, time
import ray

ray.init()


@ray.remote(num_cpus=1, max_retries=-1)
def short(number):
    time.sleep(0.5)
    return number


number, waiting, sum_ = 0, [], 0
end = time.time() + 240
while time.time() < end and not (os.path.exists("/tmp/enough") and not waiting):
    while len(waiting) < 4 and not os.path.exists("/tmp/enough"):
        number += 1
        waiting.append(short.remote(number))
    if waiting:
        done, waiting = ray.wait(waiting)
        sum_ += sum(ray.get(done))
print("sum is right" if sum_ == number * (number + 1) // 2 and number else f"wrong: {sum_} of {number}")
"""
ACTOR = """
import sys
import ray

ray.init(log_to_driver=False)


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
class Where:
    def where(self):
        return ray.util.get_node_ip_address()


if len(sys.argv) > 1:
    Where.options(name="mover", lifetime="detached", namespace="work", resources={"worker": 0.1}).remote()
print("it is on", ray.get(ray.get_actor("mover", namespace="work").where.remote(), timeout=90))
"""


class Cluster:
    """A head and workers, and `fab` with a home that lasts for the module."""

    def __init__(self, hosts, path, home):
        self.hosts, self.path, self.home = hosts, path, home
        self.head, *self.workers = hosts

    def fab(self, *args, hosts_file=None, **more):
        return helpers.run_fab(self.home, *args, hosts_file=hosts_file or self.path, **more)

    def begin_job(self):
        """A job of many short tasks; its id."""
        sh(self.head, "rm -f /tmp/enough")
        out = ok(
            self.fab(
                "submit",
                "--no-wait",
                "--working-dir",
                str(self.home.parent / "work"),
                "--",
                "python",
                "job.py",
            )
        )
        return re.search(r"job (\S+) submitted", out).group(1)

    def end_job(self, job):
        """Lets the job come to its end, and says what it printed."""
        sh(self.head, "touch /tmp/enough")
        # such as: Job 'raysubmit_1' succeeded
        until(lambda: re.search("' (succeeded|failed)", self.job(job, "status")), 60)
        return self.job(job, "status") + self.job(job, "logs")

    def job(self, job, what):
        return self.fab(
            "exec",
            "--limit",
            self.head.name,
            "--",
            "ray",
            "job",
            what,
            "--address",
            "http://127.0.0.1:8265",
            job,
        ).stdout

    def actor(self, *arguments):
        """The address of the node that the detached actor is on."""
        self.head.write_file("/tmp/actor.py", ACTOR)
        out = self.fab("exec", "--limit", self.head.name, "--", "python", "/tmp/actor.py", *arguments).stdout
        return re.search(r"it is on (\S+)", out).group(1)

    def named(self, host):
        return next(n for n in status(self.fab, self.path)["nodes"] if n["name"] == host.name)


def made(hosts, folder, runtime="uv", **more):
    per_host = {host.name: {"resources": {"worker": 1}} for host in hosts[1:]}
    path = helpers.write_hosts_file(folder, hosts, runtime, per_host=per_host, **more)
    (folder / "work").mkdir()
    (folder / "work" / "job.py").write_text(JOB)
    cluster = Cluster(hosts, path, folder / "home")
    ok(cluster.fab("deploy-cluster", timeout=900))
    return cluster


@pytest.fixture(scope="module")
def cluster(fresh_hosts, tmp_path_factory):
    return made(fresh_hosts(3, flavour="python"), tmp_path_factory.mktemp("drained"))


class TestDrain:
    def test_names_what_ends_and_asks_and_the_detached_actor_moves(self, cluster):
        address = cluster.actor("new")
        one = next(host for host in cluster.workers if host.address == address)
        refused = cluster.fab("drain", "--host", one.name, "--deadline", "3s")
        assert refused.returncode == 2
        assert f"actor: mover on {one.name}, restarted on another node without its state" in refused.stdout
        assert raylet(one)
        out = ok(cluster.fab("drain", "--host", one.name, "--deadline", "3s", "--yes"))
        assert f"{one.name}: still at work after 3 s; it ends now:\n    1 actor: mover on {one.name}" in out
        assert "drained and stopped on 1 host" in out
        assert not raylet(one)
        assert cluster.actor() != address
        node = cluster.named(one)
        assert not node["alive"]
        assert node["problem"].startswith("drained since ")
        assert sh(one, "systemctl is-enabled rayfab-test || true") == "disabled"
        assert "3 hosts run Ray" in ok(cluster.fab("start"))
        assert cluster.named(one)["alive"]

    @pytest.mark.matrix  # systemd's part of what tests/node/test_hold.py shows with this project's own loop
    def test_what_is_killed_in_the_middle_is_not_started_again_until_a_start(self, cluster):
        """The hold comes before the drain: a supervisor that starts the node anew has nothing to start."""
        one = cluster.workers[0]
        sh(one, 'echo \'{"kind": "drain"}\' >/root/.rayfab/test/hold; systemctl restart rayfab-test')
        time.sleep(4)
        assert not raylet(one)
        assert cluster.named(one)["problem"] == "drained"
        assert "drained" in ok(cluster.fab("plan"))
        assert "3 hosts run Ray" in ok(cluster.fab("start"))
        assert raylet(one)


class TestMaintenance:
    def test_lasts_over_a_reboot_and_a_deploy_and_ends_with_a_task(self, cluster):
        one, two = cluster.workers
        before = raylet(two)
        on = cluster.fab(
            "maintenance",
            "on",
            "--host",
            one.name,
            "--why",
            "its disk is replaced",
            "--deadline",
            "3s",
            "--yes",
        )
        assert f"in maintenance: {one.name}" in ok(on)
        one.reboot()
        said = status(cluster.fab, cluster.path)
        node = cluster.named(one)
        assert not said["healthy"]
        assert re.match(r"in maintenance since 20[0-9-]+ [0-9:]+ \S+: its disk is replaced$", node["problem"])
        assert not raylet(one)
        again = cluster.fab("deploy-cluster")
        assert f"! {one.name}: {node['problem']}; it is left alone" in ok(again)
        assert not raylet(one)
        ended = ok(cluster.fab("maintenance", "off", "--host", one.name))
        assert "3 hosts run Ray" in ended
        until(lambda: status(cluster.fab, cluster.path)["healthy"], 60)
        assert raylet(two) == before


class TestRolling:
    def test_a_job_ends_well_and_the_head_stays(self, cluster):
        job = cluster.begin_job()
        before = [raylet(host) for host in cluster.hosts]
        out = ok(cluster.fab("restart", "--rolling", "--deadline", "20s", "--yes"))
        assert f"batch 1 of 2, the canary: {cluster.workers[0].name}" in out
        assert "3 hosts run Ray" in out
        after = [raylet(host) for host in cluster.hosts]
        assert after[0] == before[0]
        assert not set(after[1:]) & set(before[1:])
        assert all(after)
        ended = cluster.end_job(job)
        assert f"'{job}' succeeded" in ended
        assert "sum is right" in ended
        kept = cluster.home / ".local/state/rayfab/rolling-test.json"
        assert not kept.exists()

    @pytest.mark.matrix  # tests/phases/test_changes_under_way.py ends a run at each moment, on made-up hosts
    def test_what_is_killed_goes_on_where_it_was(self, cluster):
        """The command itself is killed while it works on the second worker."""
        one, two = cluster.workers
        before = raylet(two)
        rolling = ("restart", "--rolling", "--deadline", "5s", "--yes")
        first = helpers.begin_fab(cluster.home, *rolling, hosts_file=cluster.path)
        assert any("batch 2 of 2" in line for line in first.stdout)
        first.kill()
        first.wait()
        first.stdout.close()
        done = raylet(one)
        again = cluster.fab(*rolling)
        if again.returncode == 3:
            # the connection of the one that was killed has not ended yet
            time.sleep(5)
            again = cluster.fab(*rolling)
        assert re.search(r"the restart of 20\S+ \S+ goes on: 1 host done, 1 left", ok(again))
        assert f"batch 1 of 1: {two.name}" in again.stdout
        assert raylet(one) == done
        assert raylet(two) not in ("", before)
        assert status(cluster.fab, cluster.path)["healthy"]


class TestRemove:
    def test_a_worker_is_drained_first(self, cluster):
        two = cluster.workers[1]
        out = ok(cluster.fab("remove-worker", "--host", two.name, "--deadline", "20s", "--yes"))
        assert f"Drain {two.name}" in out
        assert "still at work" not in out
        assert json.loads(cluster.fab("status", "--json").stdout)["healthy"]


@pytest.mark.matrix  # the same steps under Docker's restart policy, and under a user's own manager
class TestElsewhere:
    @pytest.fixture(scope="class", params=["docker", "user"])
    def elsewhere(self, request, lab, fresh_hosts, tmp_path_factory):
        """A head and a worker on which Ray is kept alive in another way."""
        folder = tmp_path_factory.mktemp(request.param)
        if request.param == "docker":
            registry = lab.start_registry()
            hosts = fresh_hosts(2, flavour="docker")
            for host in hosts:
                registry.serve(host)
            return made(hosts, folder, "docker", settings={"docker": {"shm_size": "1gb"}})
        hosts = fresh_hosts(2, flavour="python")
        for host in hosts:
            host.add_user("alice")
        return made(hosts, folder, user="alice")

    def test_a_hold_keeps_the_supervisor_from_starting_it_again(self, elsewhere):
        cluster, (one,) = elsewhere, elsewhere.workers
        out = ok(cluster.fab("drain", "--host", one.name, "--deadline", "20s", "--yes"))
        assert "still at work" not in out
        one.reboot()
        time.sleep(5)
        assert not raylet(one)
        assert cluster.named(one)["problem"].startswith("drained since ")
        assert "2 hosts run Ray" in ok(cluster.fab("start"))
        first = raylet(one)
        assert "2 hosts run Ray" in ok(cluster.fab("restart", "--rolling", "--deadline", "20s", "--yes"))
        assert raylet(one) not in ("", first)
        # the supervisor restarts it again now
        sh(one, "pkill -KILL -f 'ray [s]tart' || pkill -KILL -x raylet")
        until(lambda: raylet(one) and cluster.named(one)["alive"], 90)

    def test_maintenance_lasts_over_a_reboot(self, elsewhere):
        cluster, (one,) = elsewhere, elsewhere.workers
        ok(cluster.fab("maintenance", "on", "--host", one.name, "--why", "fan", "--deadline", "20s", "--yes"))
        one.reboot()
        time.sleep(5)
        assert not raylet(one)
        assert cluster.named(one)["problem"].endswith(": fan")
        assert "2 hosts run Ray" in ok(cluster.fab("maintenance", "off", "--host", one.name))
        assert raylet(one)


@pytest.mark.matrix  # five hosts: the same restart as of two workers, in more batches
class TestFourWorkers:
    def test_a_job_ends_well_and_a_detached_actor_moves(self, fresh_hosts, tmp_path_factory):
        cluster = made(fresh_hosts(5, flavour="python"), tmp_path_factory.mktemp("four"))
        cluster.actor("new")
        job = cluster.begin_job()
        before = [raylet(host) for host in cluster.hosts]
        out = ok(cluster.fab("restart", "--rolling", "--batch", "50%", "--deadline", "10s", "--yes"))
        assert re.findall(r"batch (\d) of 3", out) == ["1", "2", "3"]
        after = [raylet(host) for host in cluster.hosts]
        assert after[0] == before[0]
        assert not set(after[1:]) & set(before[1:])
        assert "sum is right" in cluster.end_job(job)
        assert cluster.actor() in [host.address for host in cluster.workers]
