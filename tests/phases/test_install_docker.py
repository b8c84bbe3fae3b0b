"""Hosts without Docker in a deploy: they get it before anything else, and then are as all others."""

from __future__ import annotations

import functools

import pytest

from tasks.actions import summary
from tasks.phases import operation
from tests.phases.conftest import THREE
from tests.phases.world import refused, said

DOCKER = "runtime: docker\ndocker: {image: 'rayproject/ray:2.52.0'}"
DEBIAN = {
    "docker_problem": "missing",
    "os_ID": "debian",
    "os_VERSION_CODENAME": "bookworm",
    "tool": "apt-get",
}
INSTALLED = [("changed", "1"), ("docker", "28.0.1"), ("docker_via", "root")]


@pytest.fixture
def containers(fleet, world):
    """Docker is on the head and on two, but not on one."""
    fleet.write(THREE.replace("cluster: lab", f"cluster: lab\n{DOCKER}"))
    for host in world.hosts.values():
        host.facts = {"docker": "28.0.1"}
    world["one"].facts = dict(DEBIAN)
    world["one"].replies["install Docker"] = said(INSTALLED)
    return fleet


def test_it_is_installed_where_it_is_missing(containers, world):
    assert containers.operate(operation.DEPLOY, summary.deployed) == 0
    titles = world["one"].titles
    assert titles.index("gather facts") < titles.index("install Docker") < titles.index("get the image")
    assert list(containers.run.done(containers.node("one"))) == [
        "installed Docker",
        "pulled the image",
        "started",
    ]
    assert [host.name for host in world.hosts.values() if "install Docker" in host.titles] == ["one"]
    assert "✓ Install Docker  1 host" in containers.out
    facts = containers.node("one").facts
    assert (facts.own.version, facts.own.problem) == ("28.0.1", None)


def test_an_image_that_was_there_is_seen(containers, world):
    """From an engine that had been removed."""
    texts = {"image": ["sha256:abc linux/amd64"]}
    world["one"].replies["install Docker"] = said(
        [*INSTALLED, ("image_versions", "2.52.0 3.11.2 1000:1000")], texts
    )
    assert containers.operate(operation.DEPLOY) == 0
    assert "get the image" not in world["one"].titles
    assert containers.node("one").facts.own.image == "sha256:abc"


def test_a_note_is_shown(containers, world):
    world["one"].replies["install Docker"] = said([*INSTALLED, ("note", "there is no systemd here")])
    containers.operate(operation.DEPLOY)
    assert "! one: there is no systemd here" in containers.out


def test_a_host_that_does_not_get_it_does_not_affect_the_others(containers, world):
    world["one"].replies["install Docker"] = refused(
        "no space for Docker's packages", "free some space in /var"
    )
    assert containers.operate(operation.DEPLOY) == 1
    assert world["two"].active and world["head"].active
    assert world["one"].titles == ["gather facts", "install Docker"]


def test_without_it_on_the_head_nothing_starts(containers, world):
    world["head"].facts = dict(DEBIAN)
    world["head"].replies["install Docker"] = refused("no space for Docker's packages")
    assert containers.operate(operation.DEPLOY) == 1
    assert "the head has no Docker, so nothing was started" in containers.out
    assert not any(host.active for host in world.hosts.values())


def test_a_host_out_of_the_limit_is_left_as_it_is(containers, world):
    containers.operate(operation.DEPLOY, limit=["head", "two"])
    assert "install Docker" not in world["one"].titles


def test_a_dry_run_shows_the_script_and_runs_none(containers, world):
    plan = {"dry_run": True}
    scripts = functools.partial(summary.planned, scripts=True)
    assert containers.operate(operation.PREPARE, scripts, **plan) == 0
    assert world["one"].titles == ["gather facts", "try the ports between the hosts"]
    assert "### one: install Docker\n# rayfab: install Docker\n" in containers.out
    assert str(containers.node("one").change) == (
        "install Docker, pull the image, start (docker.io from the distribution; rayproject/ray:2.52.0)"
    )
    assert containers.out.count("# rayfab: install Docker") == 1


def test_a_check_announces_it_and_finds_no_problem(containers, world):
    world["two"].facts = dict(DEBIAN)
    assert containers.operate(operation.CHECK) == 0
    assert (
        "! deploy-cluster will install Docker (docker.io from the distribution) on one, two" in containers.out
    )
    assert "3 hosts ready for deploy-cluster" in containers.out
    assert containers.out.count("no Docker yet") == 2


def test_a_destroy_reports_that_docker_stays(containers):
    containers.operate(operation.DEPLOY)
    containers.operate(operation.DESTROY, summary.destroyed)
    assert "! Docker and its images were kept" in containers.out
