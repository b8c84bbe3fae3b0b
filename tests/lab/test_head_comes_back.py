"""A head that keeps its state, on real hosts: it dies in each way, and comes back as the head that it was."""

from __future__ import annotations

import json
import random
import re
import time

import pytest

from tasks.testbed import registry
from tasks.testbed.ray_image import ray_image
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

    def jobs(self):
        """The jobs of the journal by id."""
        found = json.loads(ok(self.fab("jobs", "--json")))
        assert found["problem"] is None, found
        return {one["id"]: one for one in found["jobs"]}

    def whole(self):
        """Every node is there, and no other; one that has started often may not be called healthy yet."""
        done = self.fab("status", "--json")
        try:
            nodes = json.loads(done.stdout)["nodes"]
        except ValueError:
            return False
        settled = all(n["problem"] is None or "starts within an hour" in n["problem"] for n in nodes)
        return settled and len(nodes) == len(self.hosts) and all(n["alive"] for n in nodes)

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


def test_a_job_with_what_it_asks_for(cluster):
    """Its variable is on no command line; its log, its end and its exit status are there afterwards."""
    wants = ["--cpus", "0.5", "--memory", "100mb", "--env", "WORD=it's me", "--env", "HERE"]
    line = "echo $WORD $HERE; tr '\\0' '\\n' </proc/$PPID/cmdline; exit 3"
    done = cluster.fab("submit", *wants, "--", "sh", "-c", line, env={"HERE": "here too"})
    assert done.returncode == 1, done.stdout
    assert "it's me here too" in done.stdout.splitlines()
    assert "exit code 3" in done.stdout and done.stdout.count("it's me here too") == 1
    job = re.search(r"raysubmit_\w+", done.stdout)[0]
    one = cluster.jobs()[job]
    assert (one["status"], one["exit"], one["known"]) == ("FAILED", 3, True)
    # it needs something, so it runs anywhere
    assert "@" in one["user"] and one["node"] in [host.address for host in cluster.hosts]
    assert "it's me here too" in ok(cluster.fab("jobs", "logs", job)).splitlines()
    assert "it's me" not in sh(cluster.head, "cat /root/.rayfab/test/jobs/*")


def test_a_job_is_stopped(cluster):
    job = re.search(r"raysubmit_\w+", ok(cluster.fab("submit", "--no-wait", "--", "sleep", "3601")))[0]
    refused = cluster.fab("jobs", "stop", job)
    assert refused.returncode == 2 and "--yes" in refused.stdout and "sleep 3601" in refused.stdout
    assert f"job {job}: stopped" in ok(cluster.fab("jobs", "stop", job, "--yes"))
    assert cluster.jobs()[job]["status"] == "STOPPED"
    assert "has ended already: stopped" in ok(cluster.fab("jobs", "stop", job))
    assert cluster.fab("jobs", "stop", "raysubmit_none").returncode == 2


def test_the_head_reboots(cluster, before):
    """A power cut of the head alone: its job is dead then, and Ray says so without being asked to do anything.

    Who waits for a job is told so as well, when the head is back.
    """
    until(lambda: "RUNNING" in cluster.statuses(), 30)
    line = "echo begun; sleep 3602"
    waiting = helpers.begin_fab(cluster.home, "submit", "--", "sh", "-c", line, hosts_file=cluster.path)
    said = iter(waiting.stdout.readline, "begun\n")
    job = re.search(r"raysubmit_\w+", "".join(said))[0]
    cluster.head.stop()
    cluster.head.start()
    took = until(cluster.whole, 120)
    cluster.same_as(*before)
    until(lambda: set(cluster.statuses()) == {"FAILED", "STOPPED"}, 60)
    said = waiting.communicate(timeout=120)[0]
    assert waiting.returncode == 1, said
    assert f"job {job} is followed again" in said and f"job {job}: failed" in said
    assert cluster.jobs()[job]["status"] == "FAILED"
    # a boot may have cleared /tmp
    there = sh(cluster.head, f"ls /tmp/ray/session_*/logs/job-driver-{job}.log 2>/dev/null || true")
    log = cluster.fab("jobs", "logs", job)
    assert log.returncode == (0 if there else 1)
    assert ("begun" in log.stdout.splitlines()) if there else (f"the log of job {job} is gone" in log.stderr)
    print(f"healthy {took:.0f} s after the head answers")


def test_the_test_of_the_head(cluster, before):
    """`fab test-head` asks, kills the GCS and then all of the head, and says what survived; nothing of it is left."""
    refused = cluster.fab("test-head")
    assert refused.returncode == 2, refused.stdout
    assert "--yes" in refused.stdout
    out = ok(cluster.fab("test-head", "--yes"))
    for killed in ("the GCS", "the whole head"):
        assert re.search(rf"✓ {killed} was killed and back after \d+ s", out), out
    assert out.count("survived: nodes, the actor, the placement group") == 2
    cluster.same_as(*before)
    until(cluster.whole, 60)
    print(out)


@pytest.mark.matrix  # tests/phases/test_head_state.py shows which nodes restart
def test_another_argument_of_the_head_restarts_the_head_alone(cluster, before, tmp_path):
    """What runs on workers goes on, and is not named among what ends."""
    settings = {"head": {"host": cluster.head.address, "name": cluster.head.name, "labels": {"zone": "a"}}}
    path = helpers.write_hosts_file(tmp_path, cluster.hosts, settings=settings)
    refused = cluster.fab("plan", hosts_file=path)
    assert "the head restarts" not in refused.stdout
    out = ok(cluster.fab("deploy-cluster", "--yes", hosts_file=path))
    assert "keeper" not in out
    cluster.same_as(*before)
    cluster.path = path


@pytest.mark.matrix  # Ray takes 40 s to give up; tests/node/test_head_driver.py shows what is put aside
def test_a_state_that_ray_cannot_open_is_put_aside(cluster):
    """The head comes up without it, and says where it is."""
    broken = "for f in /root/.rayfab/test/gcs/*/CURRENT; do echo broken >$f; done"
    sh(cluster.head, f"systemctl kill -s KILL rayfab-test; {broken}")
    until(cluster.whole, 180)
    assert status(cluster.fab, cluster.path)["head_state"]["put_aside"] == "/root/.rayfab/test/gcs.unreadable"
    assert "Ray could not open the state" in sh(cluster.head, "cat /root/.rayfab/test/start.log*")


@pytest.mark.matrix  # a head without its state; tests/node/test_journal.py shows what is lost
def test_a_head_that_forgets_its_jobs(cluster, tmp_path):
    """The journal does not: what ran is lost, and the log of a session before is still there."""
    settings = {"ray": {"state": "memory"}}
    path = helpers.write_hosts_file(tmp_path, cluster.hosts, settings=settings)
    ok(cluster.fab("deploy-cluster", "--yes", hosts_file=path))
    cluster.path = path
    ended = set(cluster.jobs())
    line = "echo begun; sleep 3603"
    waiting = helpers.begin_fab(cluster.home, "submit", "--", "sh", "-c", line, hosts_file=path)
    job = re.search(r"raysubmit_\w+", "".join(iter(waiting.stdout.readline, "begun\n")))[0]
    sh(cluster.head, "systemctl kill -s KILL rayfab-test")
    until(cluster.whole, 180)
    said = waiting.communicate(timeout=120)[0]
    assert waiting.returncode == 1 and "the head has restarted without its state" in said, said
    found = cluster.jobs()
    assert ended < set(found)
    assert (found[job]["status"], found[job]["known"]) == ("LOST", False)
    assert "begun" in ok(cluster.fab("jobs", "logs", job)).splitlines()
    ok(cluster.fab("stop", "--yes"))
    stopped = json.loads(ok(cluster.fab("jobs", "--json")))
    assert stopped["problem"] == "Ray does not run on the head"
    assert {one["id"] for one in stopped["jobs"]} == set(found)
    sh(cluster.head, f"rm /tmp/ray/session_*/logs/job-driver-{job}.log")
    gone = cluster.fab("jobs", "logs", job)
    assert gone.returncode == 1 and f"the log of job {job} is gone" in gone.stderr
    ok(cluster.fab("start"))


def test_a_destroy_leaves_nothing(cluster):
    # Ray would wait 30 s on each host for what still runs
    for host in cluster.hosts:
        sh(host, "systemctl kill -s KILL rayfab-test")
    ok(cluster.fab("destroy", "--yes"))
    assert sh(cluster.head, "ls -A /root/.rayfab 2>/dev/null || true") == ""


@pytest.mark.matrix  # every host at once costs minutes; the head alone is tested above
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_power_cut_of_all_hosts(three, seed):
    """In whatever order they come back, the cluster is whole without a command, a minute after the last one answers."""
    order = random.Random(seed).sample(three.hosts, len(three.hosts))
    while seed > 1 and order in three.orders:
        order = random.Random(f"{seed} again").sample(three.hosts, len(three.hosts))
    three.orders.append(order)
    for host in three.hosts:
        host.stop()
    for host in order:
        host.start()
        time.sleep(random.Random(seed).choice([0, 5, 15]))
    took = until(three.whole, 120)
    print(f"{[host.name for host in order]}: whole {took:.0f} s after the last host answers")
    assert took < 60
    work = three.work()
    assert work["groups"][0][1] == "CREATED"


@pytest.fixture(scope="module")
def three(fresh_hosts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    hosts = fresh_hosts(3, flavour="python")
    made = Cluster(hosts, helpers.write_hosts_file(folder, hosts), folder / "home")
    made.orders = []
    ok(made.fab("deploy-cluster"))
    made.work("make")
    return made


@pytest.mark.matrix  # the same in a container, whose state is in a volume
@pytest.mark.parametrize("network", ["host", "bridge"])
def test_in_containers(fresh_hosts, tmp_path, network):
    hosts = fresh_hosts(2, flavour="docker")
    home = tmp_path / "home"
    settings = {"docker": {"image": "rayproject/ray-ml:2.60.0", "network": network, "shm_size": "1gb"}}
    path = helpers.write_hosts_file(tmp_path, hosts, runtime="docker", settings=settings)
    tag = ray_image("2.60.0")
    for host in hosts:
        registry.load(tag, host)
    made = Cluster(hosts, path, home)
    ok(made.fab("deploy-cluster", timeout=600))
    made.work("make")
    before = made.work(), [raylet(h) for h in made.workers]
    done = made.fab("submit", "--env", "WORD=it's me", "--", "sh", "-c", "echo $WORD; exit 3")
    assert done.returncode == 1 and "it's me" in done.stdout.splitlines(), done.stdout
    line = "echo begun; sleep 3600"
    waiting = helpers.begin_fab(home, "submit", "--", "sh", "-c", line, hosts_file=path)
    job = re.search(r"raysubmit_\w+", "".join(iter(waiting.stdout.readline, "begun\n")))[0]
    print(ok(made.fab("test-head", "--yes")))
    made.same_as(*before)
    said = waiting.communicate(timeout=120)[0]
    assert waiting.returncode == 1 and f"job {job}: failed" in said, said
    assert {one["status"] for one in made.jobs().values()} == {"FAILED"}
    assert "begun" in ok(made.fab("jobs", "logs", job)).splitlines()
    assert status(made.fab, path)["head_state"]["kept"]
    # the volume goes along with a backup, from a head that runs as from one that is stopped
    file = tmp_path / "test.tar"
    assert "cannot be read" not in ok(made.fab("backup", "--output", str(file)))
    file.unlink()
    ok(made.fab("stop", "--yes", timeout=120))
    assert "cannot be read" not in ok(made.fab("backup", "--output", str(file)))
    ok(made.fab("destroy", "--yes"))
    path.unlink()
    ok(made.fab("restore", str(file)))
    ok(made.fab("deploy-cluster", timeout=600))
    until(made.whole, 120)
    assert made.work()["groups"] == before[0]["groups"]
    ok(made.fab("destroy", "--yes"))
    assert sh(made.head, "docker volume ls -q | grep rayfab || true") == ""
