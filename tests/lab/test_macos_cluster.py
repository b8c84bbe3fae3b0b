"""A worker that looks like a Mac with Docker Desktop, in a cluster with a Linux head; see dressed.py for what it is."""

from __future__ import annotations

import pytest

from tests.lab import dressed
from tests.lab import hosts as helpers
from tests.lab.story import ok, sh, status


@pytest.fixture(scope="module")
def cluster(lab, fresh_hosts, tmp_path_factory):
    registry = lab.start_registry()
    head, mac = fresh_hosts(2, flavour="docker")
    for host in (head, mac):
        registry.serve(host)
    dressed.dress(mac)
    folder = tmp_path_factory.mktemp("mac")
    path = helpers.write_hosts_file(
        folder,
        [head, mac],
        "docker",
        settings={"docker": {"shm_size": "1gb"}},
        per_host={mac.name: {"user": dressed.USER}},
    )

    def fab(*args, **more):
        return helpers.run_fab(
            folder / "home", *args, hosts_file=more.pop("hosts_file", path), timeout=900, **more
        )

    return head, mac, path, fab, sh(mac, f"ls -A {dressed.HOME}")


def test_it_looks_like_a_mac(cluster):
    _, mac, *_ = cluster
    what = "uname; sw_vers -productVersion; ls /proc; ls /run/docker.sock /run/systemd; command -v docker ip nproc"
    seen = helpers.ssh(mac, what, dressed.USER)
    assert seen.stdout.split() == ["Darwin", "14.6.1"], seen.stderr


def test_check_finds_docker_desktop_and_its_engine(cluster):
    _, mac, _, fab, _ = cluster
    out = ok(fab("check"))
    (line,) = [line for line in out.splitlines() if line.startswith(f"{mac.name} ") and "Darwin" in line]
    assert "Docker " in line


def test_joins_on_a_bridge_though_the_keychain_is_closed(cluster):
    head, mac, path, fab, _ = cluster
    assert "2 hosts run Ray 2.60.0; a task ran on each" in ok(fab("deploy-cluster"))
    nodes = status(fab, path)["nodes"]
    assert [(n["node_ip"], n["alive"]) for n in nodes] == [(head.address, True), (mac.address, True)]
    assert sh(mac, f"grep -c auths {dressed.HOME}/.rayfab/test/docker/config.json") == "1"
    boxed = sh(mac, "docker inspect -f '{{.HostConfig.NetworkMode}} {{.HostConfig.Binds}}' rayfab-test")
    assert boxed == f"bridge [{dressed.HOME}/tmp/ray:/tmp/ray]"


def test_a_second_deploy_finds_both_hosts_up_to_date(cluster):
    fab = cluster[3]
    assert "2 hosts up to date" in ok(fab("deploy-cluster"))


def test_logs_lie_in_the_user_s_home(cluster):
    _, mac, _, fab, _ = cluster
    assert "raylet.out" in ok(fab("logs", "--host", mac.name))
    assert "/raylet.out" in sh(mac, f"ls {dressed.HOME}/tmp/ray/session_2*/logs/raylet.out")


def test_exec_runs_inside_the_container_of_the_mac(cluster):
    _, mac, _, fab, _ = cluster
    assert "ray, version 2.60.0" in ok(fab("exec", "--limit", mac.name, "--", "ray", "--version"))


def test_destroy_leaves_the_mac_as_it_was(cluster):
    _, mac, _, fab, before = cluster
    ok(fab("destroy", "--yes"))
    assert sh(mac, "docker ps -aq") == ""
    assert sh(mac, f"ls -A {dressed.HOME}") == before


def test_a_stopped_engine_says_how_to_start_it(cluster):
    """The last test: the engine's next socket would be another file than the one that this Mac sees."""
    _, mac, _, fab, _ = cluster
    sh(mac, "systemctl stop docker.socket docker")
    done = fab("check")
    assert done.returncode == 1
    assert f"{mac.name}: Docker's engine is not running" in done.stdout
    assert "open -a Docker" in done.stdout
