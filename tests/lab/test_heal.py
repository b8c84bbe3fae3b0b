"""A node whose raylet has gone comes back by itself, and `status` says what is the matter meanwhile."""

from __future__ import annotations

import json

import pytest

from tasks.testbed import kinds
from tests.lab import hosts as helpers
from tests.lab.story import ok, raylet, sh, status, until

NODE = "/root/.rayfab/test"
RAY = f". {NODE}/env.sh; ray "
NODES = (
    "import ray; ray.init(log_to_driver=False);"
    " print(*[n['NodeID'] for n in ray.nodes() if n['Alive'] and n['NodeManagerAddress'] == '{}'])"
)


class Cluster:
    """A head and a worker of uv."""

    def __init__(self, hosts, folder):
        self.head, self.worker = hosts
        self.path = helpers.write_hosts_file(folder, hosts)
        self.home = folder / "home"
        ok(self.fab("deploy-cluster"))

    def fab(self, *words, **more):
        return helpers.run_fab(self.home, *words, **{"hosts_file": self.path, **more})

    def of(self, host) -> dict:
        return next(n for n in status(self.fab, self.path)["nodes"] if n["name"] == host.name)

    def life(self, host) -> dict:
        return json.loads(sh(host, f"cat {NODE}/life.json"))

    def ids(self, host) -> list[str]:
        """The living entries of a host in Ray's node table."""
        code = NODES.format(host.address)
        return sh(self.head, f'. {NODE}/env.sh; python -c "{code}" 2>/dev/null').split()

    def healed(self, host, before: str, seconds: float = 60) -> float:
        """Waits until another raylet than the one before is in Ray's table."""

        def anew():
            now = raylet(host)
            return now and now != before and self.life(host).get("node") in self.ids(host)

        return until(anew, seconds)


@pytest.fixture(scope="module")
def cluster(fresh_hosts, tmp_path_factory):
    return Cluster(fresh_hosts(2, flavour="python"), tmp_path_factory.mktemp("heal"))


def test_it_is_known_by_the_raylet_that_its_host_runs(cluster):
    said = status(cluster.fab, cluster.path)
    assert said["healthy"]
    for node in said["nodes"]:
        assert (node["state"], node["starts"]) == ("running", 1)
        assert node["since"].endswith("Z")
    for host in (cluster.head, cluster.worker):
        assert cluster.ids(host) == [cluster.life(host)["node"]]


def test_a_doctor_looks_at_the_running_cluster_and_leaves_it_alone(cluster):
    """It uses the ports on which Ray listens, and the limits that the raylet has."""
    before = [raylet(host) for host in (cluster.head, cluster.worker)]
    done = cluster.fab("doctor", "--json")
    found = json.loads(done.stdout)
    names = {cluster.head.name, cluster.worker.name}
    passed = {
        one["check"] for one in found["results"] if one["result"] == "pass" and set(one["nodes"]) == names
    }
    assert passed >= {"ray", "ports", "limits", "packages", "connection"}, found["results"]
    theirs = {one["port"] for one in found["connections"] if one["result"] == "open" and one["listens"]}
    assert theirs >= {6379, 20000, 20001}
    assert [raylet(host) for host in (cluster.head, cluster.worker)] == before
    # a program that somebody has installed on one host alone
    sh(cluster.worker, f"mkdir {NODE}/env/lib/python3.11/site-packages/emoji-2.14.1.dist-info")
    try:
        found = json.loads(cluster.fab("doctor", "--json").stdout)
    finally:
        sh(cluster.worker, f"rmdir {NODE}/env/lib/python3.11/site-packages/emoji-2.14.1.dist-info")
    said = [
        one["message"] for one in found["results"] if one["check"] == "packages" and one["result"] == "warn"
    ]
    assert [text.rpartition(": ")[2] for text in said] == ["emoji 2.14.1 (none)"]


def test_a_raylet_that_ends_in_peace_comes_back_without_a_command(cluster):
    """`ray stop`, a SIGTERM and a drain: Ray's own command stays in each case."""
    worker = cluster.worker
    for end in ("ray stop", "SIGTERM", "a drain"):
        before = raylet(worker)
        if end == "ray stop":
            sh(worker, RAY + "stop")
        elif end == "SIGTERM":
            sh(worker, f"kill -TERM {before.split()[0]}")
        else:
            (node,) = cluster.ids(worker)
            sh(
                cluster.head,
                f"{RAY} drain-node --address {cluster.head.address}:6379 --node-id {node}"
                " --reason DRAIN_NODE_REASON_PREEMPTION --reason-message test --deadline-remaining-seconds 5",
            )
        until(lambda was=before: raylet(worker) != was, 40)
        cluster.healed(worker, before)
        assert cluster.life(worker)["faults"] == [], "what ends in peace is no fault"


def test_what_starts_again_and_again_is_not_called_healthy(cluster):
    said = cluster.of(cluster.worker)
    assert said["starts"] == 4
    assert said["state"] == "flapping"
    assert "does not stay up: 4 starts within an hour" in said["problem"]


def test_deploy_repairs_a_node_without_a_raylet(cluster):
    """Its watch is stopped, so that nothing heals it before."""
    worker = cluster.worker
    watch = sh(worker, "pgrep -f '[w]atch.py'").split()[0]
    sh(worker, f"kill -STOP {watch}")
    sh(worker, RAY + "stop")
    said = cluster.of(worker)
    assert (said["alive"], said["state"]) == (False, "zombie")
    assert "its service runs, but Ray's raylet does not" in said["problem"]
    plan = cluster.fab("plan")
    assert "its raylet does not run" in plan.stdout
    # it has to end when the deploy stops the service
    sh(worker, f"(sleep 5; kill -CONT {watch}) >/dev/null 2>&1 &")
    assert "a task ran on each" in ok(cluster.fab("deploy-cluster"))
    assert status(cluster.fab, cluster.path)["healthy"]


def test_a_worker_that_cannot_reach_its_head_is_named_and_comes_back(cluster):
    worker, head = cluster.worker, cluster.head.address
    until(lambda: cluster.life(worker).get("joined"), 60)
    before = raylet(worker)
    rule = ("OUTPUT", "-d", head, "-p", "tcp", "--dport", "6379", "-j", "DROP")
    kinds.inside(worker, "iptables", "-I", *rule)
    try:
        sh(worker, RAY + "stop")
        until(lambda: cluster.life(worker)["phase"] == "waiting", 60)
        said = cluster.of(worker)
        assert (said["alive"], said["state"]) == (False, "partitioned")
        assert f"cannot reach the head at {head}:6379 for " in said["problem"]
    finally:
        kinds.inside(worker, "iptables", "-D", *rule)
    cluster.healed(worker, before)
    assert cluster.life(worker)["faults"] == []


# two minutes: what a probe takes three times over
@pytest.mark.matrix
class TestProbe:
    def test_a_raylet_that_is_stopped_is_started_anew(self, cluster):
        worker = cluster.worker
        before = raylet(worker)
        sh(worker, f"kill -STOP {before.split()[0]}")
        cluster.healed(worker, before, 150)
        life = cluster.life(worker)
        assert [why for _, why in life["faults"]] == ["its raylet is stopped"]

    def test_after_three_of_them_within_an_hour_it_stays_down(self, cluster):
        """Until a deploy."""
        worker = cluster.worker
        # three before: the fourth is made
        code = (
            f"import json, time; p='{NODE}/life.json'; d=json.load(open(p));"
            " d['faults']=[[int(time.time()), 'made up']]*3; json.dump(d, open(p, 'w'))"
        )
        sh(
            worker,
            f'systemctl stop rayfab-test; . {NODE}/env.sh; python -c "{code}"; systemctl start rayfab-test',
        )
        # not before it has joined: `ray start` itself ends where its raylet does not register
        cluster.healed(worker, "", 90)
        until(lambda: cluster.life(worker)["phase"] == "running", 90)
        sh(worker, f"kill -STOP {raylet(worker).split()[0]}")
        until(lambda: cluster.life(worker)["phase"] == "down", 150)
        until(lambda: not raylet(worker), 60)
        said = cluster.of(worker)
        assert said["state"] == "stays-down"
        assert "stays down after 4 faults within an hour: its raylet is stopped" in said["problem"]
        assert "a task ran on each" in ok(cluster.fab("deploy-cluster"))
        assert status(cluster.fab, cluster.path)["healthy"]

    def test_a_gcs_that_hangs_is_started_anew(self, cluster):
        """It still takes connections; its dashboard says that it does not answer."""
        head = cluster.head
        gcs = sh(head, "pgrep -x gcs_server").strip()
        until(lambda: cluster.life(head).get("joined"), 60)
        sh(head, f"kill -STOP {gcs}")
        until(lambda: sh(head, "pgrep -x gcs_server || true").strip() not in ("", gcs), 180)
        assert [why for _, why in cluster.life(head)["faults"]] == ["its GCS does not answer"]
        until(lambda: status(cluster.fab, cluster.path)["healthy"], 120)
        assert cluster.life(cluster.worker)["faults"] == []

    def test_a_head_that_was_away_costs_its_worker_nothing(self, cluster):
        worker = cluster.worker
        until(lambda: cluster.life(worker).get("joined"), 60)
        before, faults = raylet(worker), cluster.life(worker)["faults"]
        cluster.head.stop()
        until(lambda: cluster.life(worker).get("away"), 150)
        cluster.head.start()
        cluster.head.wait_ssh()
        until(lambda: cluster.ids(worker) == [cluster.life(worker)["node"]], 120)
        until(lambda: "away" not in cluster.life(worker), 60)
        assert (raylet(worker), cluster.life(worker)["faults"]) == (before, faults)


# the watch is the same; what differs is where it writes and who starts it anew
@pytest.mark.matrix
@pytest.mark.parametrize("network", ["host", "bridge"])
def test_in_a_container(lab, fresh_hosts, tmp_path, network):
    registry = lab.start_registry()
    hosts = fresh_hosts(2, flavour="docker")
    for host in hosts:
        registry.serve(host)
    docker = {"shm_size": "1gb", "network": network}
    path = helpers.write_hosts_file(tmp_path, hosts, "docker", settings={"docker": docker})

    def fab(*words, **more):
        return helpers.run_fab(tmp_path / "home", *words, **{"hosts_file": path, **more})

    ok(fab("deploy-cluster", timeout=600))
    worker = hosts[1]
    said = status(fab, path)
    assert said["healthy"] and {n["state"] for n in said["nodes"]} == {"running"}
    file = "/tmp/ray" if network == "host" else "/root/tmp/ray"
    before = raylet(worker)
    ok(fab("exec", "--limit", worker.name, "--", "ray", "stop"))
    until(lambda: raylet(worker) not in ("", before), 90)
    life = json.loads(sh(worker, f"cat {file}/rayfab-test.json"))
    assert life["faults"] == [] and len(life["starts"]) == 2
    until(lambda: status(fab, path)["nodes"][1]["alive"], 60)
    # what Docker itself runs before is root's on a bridge, and nothing else
    top = sh(worker, "docker top rayfab-test -o pid,user,comm").splitlines()[1:]
    assert {line.split()[2] for line in top if line.split()[1] == "root"} <= {"docker-init", "tini"}
    ok(fab("destroy", "--yes"))
    assert sh(worker, f"ls -A {file} 2>/dev/null || true") == ""
