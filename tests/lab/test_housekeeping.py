"""Months pass in a minute: old sessions, logs of workers that have died, spilled objects, a cleaner of /tmp."""

from __future__ import annotations

import json

import pytest

from tests.lab import hosts as helpers
from tests.lab.story import ok, raylet, sh, status, until

NAME = "rayfab-test"
OLD = "session_2020-01-02_03-04-05_123456_42"
SPILL = "/var/spill/rayfab-test/{}"
LIMIT = 64 << 20
# One actor writes 12 MB to its log, and objects of 150 MB do not fit into a store of 80 MB; then it waits for a sign.
JOB = """
import os, time, ray
ray.init(log_to_driver=False)
@ray.remote(num_cpus=0)
class Talker:
    def talk(self):
        for number in range(12000):
            print(str(number) * 200 + "x" * 800)
        return os.getpid()
talker = Talker.remote()
pid = ray.get(talker.talk.remote())
refs = [ray.put(os.urandom(15_000_000)) for _ in range(10)]
open("/tmp/talked", "w").close()
while not os.path.exists("/tmp/go"):
    time.sleep(0.2)
assert ray.get(talker.talk.remote()) == pid
assert sum(len(ray.get(ref)) for ref in refs) == 150_000_000
print("WELL ENDED")
"""


def old_session(host, folder="/tmp/ray", owner="root"):
    script = f"mkdir -p {folder}/{OLD}/logs && echo x >{folder}/{OLD}/logs/raylet.out && chmod 1777 {folder}"
    sh(host, f"{script} && chown -R {owner} {folder}/{OLD}")
    sh(host, f"find {folder}/{OLD} -depth -exec touch -d '20 days ago' {{}} +")


class Cluster:
    def __init__(self, host, path, home):
        self.host, self.path, self.home = host, path, home

    def fab(self, *args, hosts_file=None, **more):
        return helpers.run_fab(self.home, *args, hosts_file=hosts_file or self.path, **more)


def deploy(host, folder, runtime, **docker):
    ray = {
        "logs": {"max": "64mb"},
        "spill_dir": "/var/spill",
        "head_args": ["--object-store-memory=80000000"],
    }
    settings = {"ray": ray, **({"docker": docker} if docker else {})}
    path = helpers.write_hosts_file(folder, [host], runtime=runtime, settings=settings)
    made = Cluster(host, path, folder / "home")
    ok(made.fab("deploy-cluster", timeout=900))
    return made


@pytest.fixture(scope="module")
def cluster(fresh_host, tmp_path_factory):
    host = fresh_host(flavour="python")
    old_session(host)
    # the latest one stays, so there is a later one
    later = OLD.replace("2020", "2021")
    sh(
        host,
        f"cd /tmp/ray && mkdir {later} && touch -d '10 days ago' {later} && ln -s {later} session_latest",
    )
    return deploy(host, tmp_path_factory.mktemp("housekeeping"), "uv")


def test_a_start_removes_sessions_that_are_too_old(cluster):
    until(lambda: OLD not in sh(cluster.host, "ls /tmp/ray"), 20)
    assert status(cluster.fab, cluster.path)["healthy"]


def test_nothing_that_runs_is_touched_and_the_rest_stays_within_its_limits(cluster):
    host = cluster.host
    before = raylet(host)
    job = helpers.begin_fab(cluster.home, "submit", "--", "python", "-c", JOB, hosts_file=cluster.path)
    until(lambda: host.exec("test -e /tmp/talked")[0] == 0, 90)
    talked = sh(host, "ls -l /tmp/ray/session_latest/logs | awk '/ worker-/ { n += $5 } END { print n }'")
    # the newest part and three older ones, of both actors and of the job's other worker
    assert int(talked) < 12 << 20
    spilled = SPILL.format(host.name)
    assert "ray_spilled_objects_" in sh(host, f"ls {spilled}")
    # what months leave behind
    sh(
        host,
        "cd /tmp/ray/session_latest/logs && for n in 1 2 3 4; do head -c 20000000 /dev/zero >worker-$n-01-9.out; done;"
        f" touch -d '1 hour ago' worker-?-01-9.out; mkdir -p {spilled}/ray_spilled_objects_{'ab' * 28} &&"
        f" cd {spilled}/ray_spilled_objects_{'ab' * 28} && echo x >x && touch -d '1 hour ago' x .",
    )
    old_session(host)
    half = "/root/.rayfab/.store/half.whl.part"
    sh(host, f"head -c 1000000 /dev/zero >{half} && touch -d '2 hours ago' {half}")
    sh(host, "cp -r /root/.rayfab/test/envs/$(ls /root/.rayfab/test/envs)/bin /root/.rayfab/test/envs/gone")

    measured = json.loads(ok(cluster.fab("disk", "--json")))
    (said,) = measured["hosts"]
    assert said["spill"] > 50_000_000 and said["logs"] > 80_000_000 and said["environments"] > 100_000_000
    assert said["sessions"] > 0 and said["images"] == 0 and said["problem"] is None
    assert set(said["free"]) == {"ray", "home", "spill"}
    table = ok(cluster.fab("disk"))
    assert "GiB of" in table and "fab clean" in table

    listed = ok(cluster.fab("clean", "--dry-run"))
    for name in (OLD, "half.whl.part", "ab" * 28, "envs/gone", "worker-1-01-9.out"):
        assert name in listed
    assert "would be freed" in listed and host.exec(f"test -e {half}")[0] == 0
    cleaned = ok(cluster.fab("clean"))
    for name in (OLD, "half.whl.part", "ab" * 28, "envs/gone", "worker-1-01-9.out"):
        assert name in cleaned
    assert "freed" in cleaned
    assert int(sh(host, "du -sb /tmp/ray/session_latest/logs | cut -f1")) <= LIMIT
    assert "nothing to remove" in ok(cluster.fab("clean"))

    sh(host, "touch /tmp/go")
    out, _ = job.communicate(timeout=90)
    assert job.returncode == 0 and "WELL ENDED" in out, out
    assert raylet(host) == before


def test_a_cleaner_of_tmp_leaves_ray_alone(cluster):
    host = cluster.host
    assert "x /tmp/ray/*" in sh(host, f"cat /etc/tmpfiles.d/{NAME}.conf")
    # in place of the system's own file of this name
    host.write_file("/etc/tmpfiles.d/tmp.conf", "q /tmp 1777 root root 1s\n")
    sh(
        host,
        "touch /tmp/canary && sleep 2 && systemd-tmpfiles --clean --prefix=/tmp; rm /etc/tmpfiles.d/tmp.conf",
    )
    assert host.exec("test -e /tmp/canary")[0] != 0
    assert sh(host, "ls /tmp/ray/session_latest/logs/raylet.out")
    assert status(cluster.fab, cluster.path)["healthy"]


def test_destroy_leaves_nothing(cluster):
    ok(cluster.fab("destroy", "--yes"))
    left = sh(
        cluster.host,
        f"ls -d /tmp/ray /var/spill /etc/tmpfiles.d/{NAME}.conf /root/.rayfab 2>/dev/null || true",
    )
    assert left == ""


# the same program as above; only where it runs differs
@pytest.mark.matrix
@pytest.mark.parametrize("network", ["host", "bridge"])
def test_in_a_container_as_its_user(lab, fresh_host, tmp_path, network):
    registry = lab.start_registry()
    host = fresh_host(flavour="docker")
    registry.serve(host)
    cluster = deploy(host, tmp_path, "docker", shm_size="1gb", network=network)
    folder = "/tmp/ray" if network == "host" else "/root/tmp/ray"
    # in the container the link to the latest session leads elsewhere
    uid = sh(host, f"stat -c %u {folder}/session_2*/logs")
    assert uid != "0"
    loops = sh(host, f"docker top {NAME} -o pid,uid,comm,args | grep rayfab-prune")
    # what Docker itself runs before is root's on a bridge
    ours = [words for words in map(str.split, loops.splitlines()) if words[2] not in ("docker-init", "tini")]
    assert {words[1] for words in ours} == {uid}
    old_session(host, folder, uid)
    sh(host, f"echo x >{folder}/{OLD}/logs/x; touch -d '1 day ago' {folder}/{OLD}/logs/x")
    (said,) = json.loads(ok(cluster.fab("disk", "--json")))["hosts"]
    assert said["images"] > 0 and said["sessions"] > 0 and said["problem"] is None
    assert OLD in ok(cluster.fab("clean"))
    assert host.exec(f"test -e {folder}/{OLD}")[0] != 0
    assert status(cluster.fab, cluster.path)["healthy"]
    # also while it is stopped
    ok(cluster.fab("stop", "--yes"))
    old_session(host, folder, uid)
    assert OLD in ok(cluster.fab("clean"))
    ok(cluster.fab("destroy", "--yes"))
    assert host.exec("test -e /var/spill")[0] != 0
