"""Versions: found once, kept for as long as the cluster runs and nobody asks for others."""

from __future__ import annotations

import pytest

from tasks.phases import operation

PLAN = {"dry_run": True}


@pytest.fixture
def running(fleet, world):
    """A cluster that runs; what the resolver is asked from now on is in ``world.compiled``."""
    assert fleet.operate(operation.DEPLOY) == 0
    world.compiled.clear()
    return fleet


def versions(fleet) -> set[tuple[str, str]]:
    return {(n.versions.ray, n.versions.python) for n in fleet.run.every() if n.versions}


class TestARunningCluster:
    def test_keeps_its_versions_though_newer_ones_exist(self, running, world):
        for host in world.hosts.values():
            host.pythons.append("3.12.1")
        assert running.operate(operation.DEPLOY) == 0
        assert world.compiled == []
        assert versions(running) == {("2.52.0", "3.11.2")}
        assert running.done() == [[], [], []]

    def test_keeps_them_for_a_host_that_joins(self, running, world):
        running.edit("- {host: 10.0.0.3", "- {host: 10.0.0.4, name: three}\n  - {host: 10.0.0.3")
        world["three"].pythons = ["3.11.2", "3.12.1"]
        assert running.operate(operation.DEPLOY, limit=["three"]) == 0
        assert world.compiled == []
        assert world["three"].envs == world["head"].envs

    def test_lets_uv_bring_its_python_to_a_host_that_joins(self, running, world):
        running.edit("- {host: 10.0.0.3", "- {host: 10.0.0.4, name: three}\n  - {host: 10.0.0.3")
        world["three"].pythons = ["3.12.1"]
        assert running.operate(operation.DEPLOY, limit=["three"]) == 0
        joined = running.node("three").versions
        assert (joined.python, joined.python_path) == ("3.11.2", None)
        assert world["three"].envs == world["head"].envs

    def test_gets_new_ones_where_others_are_asked_for(self, running, world):
        running.edit("cluster: lab", "cluster: lab\nray: {version: '2.53.0'}")
        assert running.operate(operation.DEPLOY) == 0
        assert world.compiled == ["2.53.0"]
        assert running.done() == [["installed", "started"]] * 3
        assert {h.state["ray"] for h in world.hosts.values()} == {"2.53.0"}

    def test_gets_new_packages_and_keeps_ray_where_only_some_hosts_may_change(self, running, world):
        running.edit("cluster: lab", "cluster: lab\nuv: {packages: ['ray[default]', numpy]}")
        running.operate(operation.DEPLOY, limit=["head"])
        assert world.compiled == ["2.52.0"]

    def test_gets_a_build_of_its_python_where_its_own_is_gone(self, running, world):
        for host in world.hosts.values():
            host.pythons = ["3.12.1"]
        assert running.operate(operation.DEPLOY) == 0
        assert versions(running) == {("2.52.0", "3.11.2")}
        assert running.done() == [[], [], []]

    def test_gets_another_python_where_there_is_no_build_either(self, running, world):
        world.builds = []
        for host in world.hosts.values():
            host.pythons = ["3.12.1"]
        assert running.operate(operation.DEPLOY) == 0
        assert world.compiled == ["2.52.0"]
        assert versions(running) == {("2.52.0", "3.12.1")}

    def test_resolves_again_where_its_list_of_packages_is_lost(self, running, world):
        for host in world.hosts.values():
            host.envs = set()
        assert running.operate(operation.PREPARE, **PLAN) == 0
        assert world.compiled == ["2.52.0"]

    def test_takes_the_list_from_any_host_that_still_has_it(self, running, world):
        world["head"].envs = set()
        assert running.operate(operation.DEPLOY) == 0
        assert world.compiled == []
        assert world["head"].envs == world["one"].envs


class TestSeveralPlatforms:
    def test_each_is_resolved_once_and_with_the_same_ray(self, fleet, world):
        for name in ("one", "two"):
            world[name].facts["uname"] = "Linux 6.1.0 aarch64"
        assert fleet.operate(operation.DEPLOY) == 0
        assert world.compiled == [None, "2.52.0"]
        assert versions(fleet) == {("2.52.0", "3.11.2")}


class TestNoCommonPython:
    def test_ends_before_anything_is_done_with_who_differs(self, fleet, world):
        world["two"].pythons, world.builds = ["3.12.1"], []
        assert fleet.operate(operation.DEPLOY) == 1
        assert "✗ the hosts cannot all run the same versions; nothing was started" in fleet.out
        assert [node.name for node in fleet.run.failed] == ["head", "one", "two"]
        for name, version in (("head", "3.11.2"), ("two", "3.12.1")):
            assert f"this host has {version}, and there is no build" in fleet.failure(name).message
        assert world.compiled == []
        assert not any(h.envs for h in world.hosts.values())


class TestWithDocker:
    MIXED = """
cluster: lab
docker: {image: "rayproject/ray:2.52.0"}
head: {host: 10.0.0.1, name: head, runtime: docker}
workers:
  - {host: 10.0.0.2, name: one}
"""

    def test_direct_hosts_run_what_the_image_holds(self, fleet, world):
        fleet.write(self.MIXED)
        world["one"].pythons = ["3.11.2", "3.12.1"]
        assert fleet.operate(operation.DEPLOY) == 0
        assert world.compiled == ["2.52.0"]
        assert versions(fleet) == {("2.52.0", "3.11.2")}

    def test_a_python_that_a_direct_host_lacks_is_left_to_uv(self, fleet, world):
        fleet.write(self.MIXED)
        world["one"].pythons = ["3.12.1"]
        assert fleet.operate(operation.DEPLOY) == 0
        assert fleet.node("one").versions.python_path is None

    def test_images_that_differ_end_the_run_with_who_has_what(self, fleet, world):
        fleet.edit("cluster: lab", "cluster: lab\nruntime: docker")
        for name in ("head", "one"):
            world[name].image = ("2.52.0", "3.11.2", "1000:1000")
        world["two"].image = ("2.52.0", "3.11.9", "1000:1000")
        assert fleet.operate(operation.DEPLOY) == 1
        assert fleet.failure("two").message == (
            "Python 3.11.9 here; the cluster has 3.11.2 on head, one; 3.11.9 on two"
        )
        assert not any(h.active for h in world.hosts.values())

    def test_an_image_of_another_version_than_the_file_asks_for(self, fleet, world):
        image = "\nruntime: docker\nray: {version: '2.53.0'}\ndocker: {image: 'my/ray'}"
        fleet.edit("cluster: lab", "cluster: lab" + image)
        assert fleet.operate(operation.DEPLOY) == 1
        assert fleet.failure("one").message == "ray.version is 2.53.0, but the image my/ray holds 2.52.0"

    @pytest.mark.parametrize(
        ("image", "said"),
        [
            ("rayproject/ray:2.52.0-py311", "2.52.0"),
            ("rayproject/ray-ml", ""),
            ("registry.lab:5000/ray:2.9.3", "2.9.3"),
        ],
    )
    def test_a_missing_image_is_known_by_its_tag(self, fleet, image, said):
        fleet.edit("cluster: lab", f"cluster: lab\nruntime: docker\ndocker: {{image: '{image}'}}")
        assert fleet.operate(operation.PREPARE, **PLAN) == 0
        assert {n.versions.ray for n in fleet.run.every()} == {said}


def test_packages_without_ray_are_a_mistake_in_the_file(fleet):
    fleet.edit("cluster: lab", "cluster: lab\nuv: {packages: [numpy]}")
    assert fleet.operate(operation.DEPLOY) == 2
    assert fleet.out.splitlines()[-2:] == ["✗ the packages do not include ray", "  → add ray to uv.packages"]
