"""From one Ray to the next and back, on real hosts: all nodes together, or none."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tasks.testbed.ray_image import ray_image
from tests.lab import hosts as helpers
from tests.lab.story import ok, sh

OLD, NEW = "2.59.0", "2.60.0"
TASK = """
import ray
ray.init(log_to_driver=False)
print("ran", ray.get(ray.remote(lambda: 42).remote()), ray.__version__)
"""


class Cluster:
    """Hosts, their file, and `fab` with a home that lasts for the module."""

    def __init__(self, hosts, folder, runtime, settings):
        self.hosts, self.home = hosts, folder / "home"
        self.path = helpers.write_hosts_file(folder, hosts, runtime, settings=settings)

    def fab(self, *args):
        return helpers.run_fab(self.home, *args, hosts_file=self.path, timeout=400)

    def file(self) -> dict:
        return yaml.safe_load(self.path.read_text("utf-8"))

    def edit(self, **sections):
        """Keys of sections of the hosts file."""
        found = self.file()
        for section, keys in sections.items():
            found[section] = {**found.get(section, {}), **keys}
        self.path.write_text(yaml.safe_dump(found, sort_keys=False), "utf-8")

    def runs(self, version: str) -> bool:
        """Whether every node runs that Ray, and a task."""
        said = json.loads(self.fab("status", "--json").stdout)
        assert said["healthy"], said
        assert {node["ray"] for node in said["nodes"]} == {version}
        head = self.hosts[0].name
        return f"ran 42 {version}" in ok(self.fab("exec", "--limit", head, "--", "python", "-c", TASK))


@pytest.fixture(scope="module")
def cluster(fresh_hosts, tmp_path_factory):
    settings = {"uv": {"packages": ["ray[default]", "emoji"]}, "ray": {"version": OLD}}
    made = Cluster(fresh_hosts(2, flavour="python"), tmp_path_factory.mktemp("upgrade"), "uv", settings)
    ok(made.fab("deploy-cluster"))
    return made


def environments(host) -> list[str]:
    return sh(host, "ls -A /root/.rayfab/test/envs").split()


class TestUpgrade:
    def test_all_nodes_move_together_and_the_outage_is_printed(self, cluster):
        out = ok(cluster.fab("upgrade", "--ray", NEW, "--yes"))
        assert f"Ray {OLD} -> {NEW}" in out
        assert out.index("Import Ray and the packages") < out.index("Stop all nodes")
        assert "a task ran on each" in out
        seconds = float(
            re.search(r"outage: ([0-9.]+) s, from the first stop to a task on every node", out)[1]
        )
        assert 0 < seconds < 120
        assert cluster.file()["ray"] == {"version": NEW}
        assert cluster.runs(NEW)
        for host in cluster.hosts:
            assert len(environments(host)) == 2, "what ran before is kept"

    # each is one more restart of the whole cluster
    @pytest.mark.matrix
    def test_one_whose_head_does_not_start_goes_back_by_itself(self, cluster):
        if cluster.file()["ray"]["version"] == OLD:
            # the test before is not among those that were asked for
            ok(cluster.fab("upgrade", "--ray", NEW, "--yes"))
        ok(cluster.fab("rollback", "--yes"))
        assert cluster.runs(OLD)
        assert cluster.file()["ray"] == {"version": OLD}
        cluster.edit(ray={"head_args": ["--no-such-option"]})
        done = cluster.fab("upgrade", "--ray", NEW, "--yes")
        assert done.returncode == 1
        assert f"Ray {OLD} runs again on all hosts, after an outage of" in done.stdout
        assert "no such option" in done.stdout.lower()
        assert cluster.file()["ray"]["version"] == OLD
        cluster.edit(ray={"head_args": []})
        assert cluster.runs(OLD)
        # the environment of the rollback stays, that of the failed upgrade was the same
        assert "nothing was changed" in ok(cluster.fab("deploy-cluster"))

    @pytest.mark.matrix
    def test_one_whose_worker_does_not_start_goes_back_by_itself(self, cluster):
        cluster.edit(ray={"worker_args": ["--no-such-option"]})
        done = cluster.fab("upgrade", "--ray", NEW, "--yes")
        assert done.returncode == 1
        assert f"upgrade failed: {cluster.hosts[1].name}: " in done.stdout
        cluster.edit(ray={"worker_args": []})
        assert cluster.runs(OLD)

    @pytest.mark.matrix
    def test_the_last_two_are_kept_until_a_deploy(self, cluster):
        ok(cluster.fab("upgrade", "--ray", NEW, "--yes"))
        assert [len(environments(host)) for host in cluster.hosts] == [2, 2]
        cluster.edit(uv={"packages": ["ray[default]"]})
        ok(cluster.fab("deploy-cluster", "--yes"))
        assert [len(environments(host)) for host in cluster.hosts] == [1, 1]
        done = cluster.fab("rollback", "--yes")
        assert done.returncode == 1
        assert "there is nothing to go back to" in done.stdout


# two images of half a gigabyte each
@pytest.mark.matrix
class TestContainers:
    def test_from_one_image_to_another_and_back(self, lab, fresh_hosts, tmp_path):
        registry = lab.start_registry()
        tags = [ray_image(version) for version in (OLD, NEW)]
        for tag in tags:
            registry.push(tag)
        hosts = fresh_hosts(2, flavour="docker")
        for host in hosts:
            registry.serve(host)
        cluster = Cluster(hosts, tmp_path, "docker", {"docker": {"image": tags[0], "shm_size": "1gb"}})
        ok(cluster.fab("deploy-cluster"))
        out = ok(cluster.fab("upgrade", "--image", tags[1], "--yes"))
        assert "outage: " in out
        assert cluster.file()["docker"]["image"] == tags[1]
        assert cluster.runs(NEW)
        ok(cluster.fab("rollback", "--yes"))
        assert cluster.file()["docker"]["image"] == tags[0]
        assert cluster.runs(OLD)
        assert "nothing was changed" in ok(cluster.fab("deploy-cluster"))
