"""Mixed clusters: a node of conda's and one in a container, of the same Ray and Python to the patch."""

from __future__ import annotations

import pytest

from tasks.testbed import registry
from tasks.testbed.engine import LAB_DIR, lock
from tasks.testbed.ray_image import ray_image
from tests.lab.story import ok, sh, status
from tests.lab.test_conda import PYTHON, TASK, settings
from tests.standins.conda import cpython

# test_conda.py and test_deploy_uv.py show each of the two runtimes
pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def tag():
    """An image with the very CPython that the stand-in's channel has."""
    source = cpython.find("3.7")
    tree = LAB_DIR / "cpython" / source.name
    with lock("cpython"):
        if not tree.exists():
            work = tree.with_suffix(".part")
            cpython.copy(source, work)
            cpython.put_libraries(cpython.libraries([work]), work / "lib")
            work.rename(tree)
    return ray_image("2.7.2", python=tree)


@pytest.fixture(scope="module")
def pair(fresh_host, tag):
    """A host with an engine and the image, and one with neither engine nor Python."""
    docked = fresh_host("docker")
    registry.load(tag, docked)
    return docked, fresh_host("bare")


@pytest.mark.parametrize("head", ["docker", pytest.param("conda", marks=pytest.mark.matrix)])
def test_both_are_nodes_of_one_cluster(head, pair, tag, conda_mirror, fab, hosts_file):
    docked, plain = pair
    hosts = pair if head == "docker" else pair[::-1]
    per_host = {plain.name: {"runtime": "conda"}}
    more = {**settings(conda_mirror), "docker": {"image": tag, "shm_size": "1gb"}}
    path = hosts_file(hosts, "docker", settings=more, per_host=per_host)
    out = ok(fab("deploy-cluster", hosts_file=path, timeout=600))
    assert "2 hosts run Ray 2.7.2; a task ran on each" in out
    said = status(fab, path)
    assert said["healthy"] and (said["ray"], said["python"]) == ("2.7.2", PYTHON)
    assert [(n["host"], n["runtime"]) for n in said["nodes"]] == [
        (host.address, "docker" if host is docked else "conda") for host in hosts
    ]
    for host in hosts:  # either sees both
        out = ok(fab("exec", "--limit", host.name, "--", "python", "-c", TASK, hosts_file=path))
        for other in hosts:
            assert f"('{other.address}', '{PYTHON}', '2.7.2')" in out
    ok(fab("destroy", "--yes", hosts_file=path))
    assert sh(docked, "docker ps -aq") == ""


def test_another_patch_release_of_python_is_reported_before_any_change(
    pair, tag, conda_mirror, fab, hosts_file
):
    docked, plain = pair
    more = {**settings(conda_mirror, python="3.8"), "docker": {"image": tag}}
    path = hosts_file(pair, "docker", settings=more, per_host={plain.name: {"runtime": "conda"}})
    done = fab("deploy-cluster", hosts_file=path)
    assert done.returncode == 1
    assert f"{PYTHON} on {docked.name}; 3.8.18 on {plain.name}" in done.stdout
    assert "all nodes need the same" in done.stdout
    assert sh(docked, "docker ps -aq") == ""
    assert plain.exec("test -e /root/.rayfab/test/envs")[0] != 0
