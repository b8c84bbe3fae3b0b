"""Packages of jobs: `runtime_env` with pip and with uv, on head and worker of each runtime.

All hosts name a proxy that does not exist, as a company's hosts name theirs: in /etc/environment, and in Docker's
settings. Only the package index is excepted there, and its log shows who asked.
"""

from __future__ import annotations

import json

import pytest

from tasks.testbed import machine
from tests.lab import hosts as helpers
from tests.lab.story import ok, sh
from tests.lab.test_conda import settings as conda_settings
from tests.lab.way_out import authority_and_certificate
from tests.standins import package_index

PORT = 8000
NOWHERE = "http://user:hush-hush@127.0.0.1:9"
RAY = "2.60.0"
AUTHORITY = authority_and_certificate("127.0.0.1")[0].decode()
JOB = """
import json, os, ray, sys
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as on
ray.init(log_to_driver=False)
def where():
    import lab_probe
    with open(os.environ["SSL_CERT_FILE"]) as file:
        trusted = file.read()
    return ray.util.get_node_ip_address(), lab_probe.PLACE, os.environ["NO_PROXY"], trusted[-2000:]
nodes = [n["NodeID"] for n in ray.nodes() if n["Alive"]]
asked = {
    way: [
        ray.remote(where).options(
            num_cpus=0, runtime_env={way: ["lab_probe"]}, scheduling_strategy=on(node, soft=False)
        ).remote()
        for node in nodes
    ]
    for way in ("pip", "uv")
}
print("FOUND", json.dumps({way: ray.get(refs) for way, refs in asked.items()}))
"""
FAILS = """
import ray
ray.init()
ray.get(ray.remote(lambda: 1).options(runtime_env={"pip": ["lab_probe==9.9"]}).remote())
"""


@pytest.fixture(scope="module")
def index(fresh_host):
    host = fresh_host("python")
    sh(host, "mkdir -p /srv/index")
    host.copy_in(package_index.__file__, "/srv/package_index.py")
    upstream = machine._environment().get("UV_DEFAULT_INDEX", "https://pypi.org/simple")
    serve = ["python3", "/srv/package_index.py", "/srv/index", host.address, str(PORT), upstream]
    host.must(["systemd-run", "--quiet", "--unit=lab-index", "--property=Restart=always", *serve])
    return host


@pytest.fixture(scope="module")
def hosts(lab, fresh_hosts, index, conda_mirror):
    excepted = f"{index.address},{conda_mirror.host.address}"
    registry = lab.start_registry()
    made = fresh_hosts(2, "docker")
    for host in made:
        registry.serve(host)
        around = sh(host, "cat /etc/environment")
        lines = [around, f'http_proxy="{NOWHERE}"', f'no_proxy="{excepted}"']
        host.write_file("/etc/environment", "\n".join(lines) + "\n")
        proxies = {"default": {"httpProxy": NOWHERE, "noProxy": excepted}}
        sh(host, "mkdir -p /root/.docker")
        host.write_file("/root/.docker/config.json", json.dumps({"proxies": proxies}))
    return made


@pytest.fixture(scope="module")
def deployed(hosts, index, conda_mirror, tmp_path_factory):
    """deployed(runtime): a cluster of both hosts; the one before is removed."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "lab-ca.pem").write_text(AUTHORITY)
    before, last = [], {}

    def fab(*args, path, **more):
        return helpers.run_fab(folder / "home", *args, hosts_file=path, **more)

    def deploy(runtime):
        for path in before:
            ok(fab("destroy", "--yes", path=path))
        before.clear()
        url = f"http://{index.address}:{PORT}/simple"
        mirrors = {"pypi": url, "ca": "lab-ca.pem"}
        more = {"ray": {"version": RAY}, "docker": {"shm_size": "1gb"}, "mirrors": mirrors}
        if runtime == "conda":
            stand_in = conda_settings(conda_mirror, python="3.11")
            more |= {"conda": stand_in["conda"], "mirrors": {**stand_in["mirrors"], **mirrors}}
        path = helpers.write_hosts_file(folder, hosts, runtime, settings=more, name=f"{runtime}.yml")
        before.append(path)
        said = fab("deploy-cluster", path=path, timeout=600)
        assert "2 hosts run" in ok(said)
        assert "hush-hush" not in said.stdout + said.stderr
        last["fab"] = lambda *args, **more: fab(*args, path=path, **more)
        return last["fab"]

    deploy.last = last
    return deploy


MATRIX = pytest.mark.matrix  # the same code in Ray makes a job's environment, whatever Ray runs in


@pytest.mark.parametrize(
    "runtime", [pytest.param("docker", marks=MATRIX), "uv", pytest.param("conda", marks=MATRIX)]
)
def test_jobs_get_their_packages_on_every_node(runtime, deployed, hosts, index):
    fab = deployed(runtime)
    sh(index, f"rm -f /srv/index/{package_index.LOG}")
    out = ok(fab("submit", "--", "python", "-c", JOB))
    found = json.loads(next(line for line in out.splitlines() if line.startswith("FOUND")).partition(" ")[2])
    everywhere = {host.address for host in hosts}
    asked = sh(index, f"cat /srv/index/{package_index.LOG}").splitlines()
    for way in ("pip", "uv"):
        assert {address for address, *_ in found[way]} == everywhere
        assert all(f"/runtime_resources/{way}/" in place for _, place, *_ in found[way])
        asking = {line.split()[0] for line in asked if f" {way}/" in line and "lab" in line}
        assert asking == everywhere, asked
    for _, _, direct, trusted in found["pip"]:
        assert AUTHORITY.strip() in trusted
        assert {"localhost", "127.0.0.1", index.address} | everywhere <= set(direct.split(","))
    # Ray's own programs speak to its dashboard, which no proxy reaches
    assert "SUCCEEDED" in ok(fab("exec", "--limit", hosts[0].name, "--", "ray", "job", "list"))


def test_nobody_else_can_read_the_proxy_s_password(hosts):
    for host in hosts:
        assert "hush-hush" not in sh(host, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        readable = sh(host, "grep -rl hush-hush /root/.rayfab /tmp/ray 2>/dev/null | xargs -r ls -l")
        assert {line[:10] for line in readable.splitlines()} <= {"-rw-------"}, readable


def test_a_set_up_that_fails_is_shown(deployed):
    done = deployed.last["fab"]("submit", "--", "python", "-c", FAILS)
    assert done.returncode == 1
    assert "No matching distribution found for lab_probe==9.9" in done.stdout
