"""Ray's own folder elsewhere, a folder that another user has left, and files that a cleaner took, on a real host."""

from __future__ import annotations

import pytest

from tests.lab.story import ok, raylet, sh, status, until

FOLDER = "/data/of-ours"  # Ray's own tools look for a folder named ray


@pytest.fixture(scope="module")
def host(fresh_host):
    return fresh_host(flavour="python")


def test_files_of_another_user_are_named_before_anything_is_changed(host, fab, hosts_file):
    sh(host, "mkdir /tmp/ray && chmod 1777 /tmp/ray && echo 10.9.9.9:6379 >/tmp/ray/ray_current_cluster")
    host.add_user("bob")
    host.add_user("alice")
    sh(host, "chown bob /tmp/ray/ray_current_cluster && chmod 644 /tmp/ray/ray_current_cluster")
    path = hosts_file([host], user="alice")
    try:
        for command in ("check", "deploy-cluster"):
            done = fab(command, hosts_file=path)
            assert done.returncode == 1
            assert "/tmp/ray/ray_current_cluster belongs to bob, and Ray has to write it" in done.stdout
            assert "bob or root: rm /tmp/ray/ray_current_cluster" in done.stdout
    finally:
        sh(host, "rm -rf /tmp/ray")


def test_a_folder_of_its_own_is_followed_by_all_and_leaves_nothing(host, fab, hosts_file):
    path = hosts_file([host], settings={"ray": {"temp_dir": FOLDER}})
    ok(fab("deploy-cluster", hosts_file=path))
    assert "ray_current_cluster" in sh(host, f"ls {FOLDER}")
    assert sh(host, "ls -d /tmp/ray 2>/dev/null || echo none") == "none"
    assert "raylet" in ok(fab("logs", "--component", "raylet", "--lines", "3", hosts_file=path))
    # a head that has just started has no report yet
    until(lambda: "Active:" in ok(fab("exec", "--", "ray", "status", hosts_file=path)), 30)
    ok(fab("submit", "--", "python", "-c", "import ray; ray.init(); print(ray.nodes())", hosts_file=path))
    before = raylet(host)
    assert "up to date" in ok(fab("deploy-cluster", hosts_file=path))
    assert raylet(host) == before
    # as a cleaner of old files would
    sh(host, f"rm -rf {FOLDER}/session_*/logs {FOLDER}/session_*/sockets")
    assert not status(fab, path)["healthy"]
    out = ok(fab("deploy-cluster", hosts_file=path))
    assert raylet(host) != before, out
    assert status(fab, path)["healthy"]
    ok(fab("destroy", "--yes", hosts_file=path))
    assert sh(host, "ls -d /data /tmp/ray 2>/dev/null || echo none") == "none"
