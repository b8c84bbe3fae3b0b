"""The recipe's bridge network: every port published, each node with its host's address, whatever Ray's version."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest

from tasks.testbed import registry
from tasks.testbed.ray_image import ray_image
from tests.lab import hosts as helpers
from tests.lab.story import ok, sh, status, until

NAME = "rayfab-test"
# the oldest and the newest; those between are a run of their own
MATRIX = pytest.mark.matrix
VERSIONS = (
    pytest.param("2.7.2", marks=MATRIX),
    pytest.param("2.30.0", marks=MATRIX),
    pytest.param("2.49.2", marks=MATRIX),
    "2.60.0",
)
MIXED = (pytest.param(("host", "bridge"), marks=MATRIX), ("bridge", "host"))
PROOF = Path(__file__).with_name("bridge_proof.py")
CLIENT = """
import json, ray, sys
ray.init(sys.argv[1])
print("CLIENT", json.dumps(sorted(n["NodeManagerAddress"] for n in ray.nodes() if n["Alive"])))
print("TASK", ray.get(ray.remote(lambda: 6 * 7).remote()))
"""
ASK = """
import sys, urllib.request
token = open("/root/.rayfab/test/token").read() if sys.argv[2:] else ""
asked = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + token} if token else {})
print(urllib.request.urlopen(asked, timeout=20).read().decode())
"""


class Bridged:
    """Two hosts on bridges with one version of Ray, and what is asked of them."""

    def __init__(self, hosts, folder, version):
        self.hosts, self.home, self.version = hosts, folder / "home", version
        self.ips = [host.address for host in hosts]
        self.path = helpers.write_hosts_file(
            folder, hosts, runtime="docker", settings={"docker": self.docker("bridge")}
        )
        self.folder = folder

    def docker(self, network):
        return {"image": f"rayproject/ray-ml:{self.version}", "network": network, "shm_size": "1gb"}

    def fab(self, *args, hosts_file=None, **more):
        return helpers.run_fab(self.home, *args, hosts_file=hosts_file or self.path, **more)

    def ask(self, path):
        """The dashboard's answer, asked on the head's own host."""
        token = ["token"] if self.version == "2.60.0" else []
        url = f"http://127.0.0.1:8265{path}"
        code, out, err = self.hosts[0].exec(["python3", "-c", ASK, url, *token])
        assert code == 0, err
        return out


@pytest.fixture(scope="module")
def machines(lab, fresh_hosts):
    return fresh_hosts(2, flavour="docker")


@pytest.fixture(scope="module", params=VERSIONS)
def bridged(request, machines, tmp_path_factory):
    made = Bridged(machines, tmp_path_factory.mktemp("bridge"), request.param)
    tag = ray_image(request.param)
    for host in machines:
        registry.load(tag, host)
    ok(made.fab("deploy-cluster", timeout=600))
    yield made
    ok(made.fab("destroy", "--yes"))
    for host in machines:
        assert sh(host, "ls -A /root | grep -v -e ssh -e profile -e bashrc -e cache -e '^tmp$' || true") == ""
        assert sh(host, "docker rmi -f $(docker images -q) >/dev/null; docker ps -aq") == ""


def test_all_nodes_are_alive_with_the_hosts_addresses(bridged):
    said = status(bridged.fab, bridged.path)
    assert said["healthy"]
    assert (said["ray"], said["address"]) == (bridged.version, f"{bridged.ips[0]}:6379")
    assert [n["node_ip"] for n in said["nodes"]] == bridged.ips


def test_the_container_is_the_recipe_s(bridged):
    head, worker = bridged.hosts
    # and on the head a folder for the journal of jobs and, where Ray can keep its state, a volume for that
    kept = {"rayfab-test-gcs:/var/lib/rayfab"} if bridged.version == "2.60.0" else set()
    kept.add("/root/.rayfab/test/jobs:/var/lib/rayfab-jobs")
    for host, more in ((head, kept), (worker, set())):
        assert sh(host, "docker inspect -f '{{.HostConfig.NetworkMode}}' " + NAME) == "bridge"
        binds = json.loads(sh(host, "docker inspect -f '{{json .HostConfig.Binds}}' " + NAME))
        assert set(binds) == {"/root/tmp/ray:/tmp/ray"} | more
    ports = "docker inspect -f '{{range $p, $_ := .HostConfig.PortBindings}}{{$p}} {{end}}' " + NAME
    published = {
        host.name: {int(p) for p in re.findall(r"(\d+)/tcp", sh(host, ports))} for host in (head, worker)
    }
    assert published[worker.name] == {*range(10002, 10100), *range(20000, 20006)}
    assert published[head.name] == {6379, 8265, *range(10001, 10100), *range(20000, 20008)}
    # Ray itself does not run as root
    for host in (head, worker):
        assert "root" not in sh(
            host, f"docker top {NAME} -o pid,user,args | grep -E 'raylet|gcs_server|agent.py'"
        )
        assert sh(host, "ls /root/tmp/ray/session_2*/logs/raylet.out")


def test_tasks_actors_and_large_objects_on_and_between_all_nodes(bridged):
    done = bridged.fab("submit", "--", "python", "-c", PROOF.read_text(), timeout=300)
    # newer Rays begin with the job's own words
    found = re.search(r'PROOF (\{"ran": .*\})', ok(done))
    assert found, done.stdout
    said = json.loads(found.group(1))
    assert said["ran"] == {ip: ip for ip in bridged.ips}
    a, b = bridged.ips
    assert sorted(said["read"]) == sorted([[a, b, 100_000_000], [b, a, 100_000_000]])


def test_a_job_whose_entry_point_is_forced_onto_the_worker(bridged):
    ip = bridged.ips[1]
    words = ["ray", "job", "submit", "--address", "http://127.0.0.1:8265"]
    words += ["--entrypoint-resources", json.dumps({f"node:{ip}": 0.01})]
    words += ["--submission-id", "forced", "--no-wait"]
    job = "import ray; ray.init(); print('JOB AT', ray.util.get_node_ip_address())"
    on_head = ["exec", "--limit", bridged.hosts[0].name, "--"]
    ok(bridged.fab(*on_head, *words, "--", "python", "-c", job))
    # following it, `ray job submit` of the older ones may lose the last line
    logs = ["ray", "job", "logs", "--address", "http://127.0.0.1:8265", "forced"]
    until(lambda: f"JOB AT {ip}" in ok(bridged.fab(*on_head, *logs)), 300)


def test_ray_client_from_another_machine(bridged):
    worker = bridged.hosts[1]
    token = sh(worker, "cat /root/.rayfab/test/token") if bridged.version == "2.60.0" else ""
    auth = f"-e RAY_AUTH_MODE=token -e RAY_AUTH_TOKEN={token}" if token else ""
    image = f"rayproject/ray-ml:{bridged.version}"
    worker.write_file("/root/client.py", CLIENT)
    run = (
        f"docker run --rm --network host {auth} -v /root/client.py:/client.py:ro {image} "
        f"timeout 60 python /client.py ray://{bridged.ips[0]}:10001"
    )
    # Ray's proxy for clients forks beside gRPC's threads; on a busy machine the first child may be dead at once,
    # on the host's network as well
    for _ in range(3):
        code, out, err = worker.exec(run)
        if code == 0:
            break
    assert code == 0, err
    sh(worker, "rm /root/client.py")
    assert json.loads(re.search("CLIENT (.*)", out).group(1)) == sorted(bridged.ips)
    assert "TASK 42" in out


def test_the_dashboard_shows_every_node_alive_by_its_agent(bridged):
    def live():
        nodes = json.loads(bridged.ask("/nodes?view=summary"))["data"]["summary"]
        seen = {n["ip"]: (n["cpu"], n["mem"][0]) for n in nodes if n.get("mem")}
        return set(seen) == set(bridged.ips) and all(mem > 0 for _, mem in seen.values())

    until(live, 60)


def test_the_dashboard_reads_a_worker_s_log(bridged):
    nodes = json.loads(bridged.ask("/nodes?view=summary"))["data"]["summary"]
    node = next(n["raylet"]["nodeId"] for n in nodes if n["ip"] == bridged.ips[1])
    files = json.loads(bridged.ask(f"/api/v0/logs?node_id={node}"))["data"]["result"]
    assert any("raylet.out" in names for names in files.values())
    log = bridged.ask(f"/api/v0/logs/file?node_id={node}&filename=raylet.out&lines=20")
    whole = sh(bridged.hosts[1], "cat /root/tmp/ray/session_2*/logs/raylet.out")
    assert len(log.strip().splitlines()) > 5
    assert log.strip().splitlines()[5] in whole


def test_logs_are_read_from_the_host_s_side(bridged):
    out = ok(bridged.fab("logs", "--component", "raylet,gcs", "--lines", "3"))
    for host, file in ((bridged.hosts[0], "gcs_server.out"), (bridged.hosts[1], "raylet.out")):
        assert any(host.name in line and file in line for line in out.splitlines())


def test_metrics_of_every_node_at_the_pinned_port(bridged):
    for ip in bridged.ips:
        with urllib.request.urlopen(f"http://{ip}:20004/metrics", timeout=20) as answer:
            assert "ray_" in answer.read().decode()


@pytest.fixture(scope="class", params=MIXED, ids="-".join)
def mixed(request, machines, tmp_path_factory):
    made = Bridged(machines, tmp_path_factory.mktemp("mixed"), "2.60.0")
    for host in machines:
        registry.load(ray_image("2.60.0"), host)
    per_host = {
        host.name: {"docker": {"network": network}}
        for host, network in zip(machines, request.param, strict=True)
    }
    settings = {"docker": {k: v for k, v in made.docker("").items() if k != "network"}}
    made.path = helpers.write_hosts_file(
        made.folder, machines, runtime="docker", settings=settings, per_host=per_host
    )
    made.networks = request.param
    ok(made.fab("deploy-cluster", timeout=600))
    yield made
    ok(made.fab("destroy", "--yes"))


class TestMixed:
    """One node on the host's network and one on a bridge; in this module the versions before are gone again."""

    def test_tasks_and_large_objects_go_both_ways(self, mixed):
        form = "docker inspect -f '{{.HostConfig.NetworkMode}}' " + NAME
        assert tuple(sh(host, form) for host in mixed.hosts) == mixed.networks
        test_tasks_actors_and_large_objects_on_and_between_all_nodes(mixed)

    def test_a_reboot_of_the_worker_brings_it_back_with_its_address(self, mixed):
        mixed.hosts[1].reboot()

        def back():
            said = status(mixed.fab, mixed.path)
            return said["healthy"] and [n["node_ip"] for n in said["nodes"]] == mixed.ips

        until(back, 180)
