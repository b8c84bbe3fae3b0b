"""Whatever a plan or a deploy refuses before its first change, a check refuses, too, and in the same words."""

from __future__ import annotations

import re

import pytest

from tasks.phases import agree, check_files, head, operation, prune
from tasks.run.step import in_dry_run
from tests.phases.conftest import THREE
from tests.phases.world import said

DOCKER = THREE + "runtime: docker\ndocker: {image: 'rayproject/ray:2.52.0'}\n"


def facts(name, **more):
    return lambda world: world[name].facts.update(more)


def addresses(name, lines):
    """Gives a host other addresses than the one by which it is reached."""

    def change(world):
        own = world[name]._facts

        def answer(script):
            found = own(script)
            return said(
                [(k, v) for k, every in found.all.items() for v in every if k != "ssh_connection"],
                {**found.texts, "ip_addr": lines},
            )

        world[name].replies["gather facts"] = answer

    return change


# what is wrong -> the hosts file, how the hosts differ, and the words
CASES = {
    "a home": (THREE, facts("one", home_writable=""), "the home folder /root is not writable"),
    "/tmp": (THREE, facts("one", tmp_writable=""), "/tmp is not writable"),
    "a read-only folder": (
        THREE,
        facts("one", temp_near="/tmp", mount="temp tmpfs ro,nosuid /tmp"),
        "/tmp/ray lies on a file system that is read-only (/tmp)",
    ),
    "another user's files": (
        THREE,
        facts("one", temp_foreign="bob /tmp/ray/ray_current_cluster"),
        "/tmp/ray/ray_current_cluster belongs to bob",
    ),
    "32-bit programs": (THREE, facts("one", long_bit="32"), "the programs here are 32-bit"),
    "an old glibc": (THREE, facts("one", libc="glibc 2.12"), "Ray's packages need glibc 2.17 or newer"),
    "an architecture": (
        THREE,
        facts("one", uname="Linux 6.1.0 riscv64"),
        "Ray has no packages for Linux on riscv64",
    ),
    "a system": (THREE, facts("one", uname="FreeBSD 14.1 amd64"), "FreeBSD is not supported yet"),
    "ports": (THREE, facts("head", ports="18EB"), "ports in use: 6379 (GCS)"),
    "another Ray": (
        THREE,
        facts("one", ray_process="77 /opt/ray/raylet 0::/x"),
        "Ray is already running here",
    ),
    "the head": (THREE, facts("head", home_writable=""), "the home folder /root is not writable"),
    "one machine twice": (
        THREE,
        lambda world: (
            [facts(n, boot_id="b", hostname="h", **{"machine-id": "m"})(world) for n in ("one", "two")]
            and addresses("two", ["2: eth0    inet 10.0.0.2/24 scope global eth0\\"])(world)
        ),
        "is the same machine as one",
    ),
    "one address twice": (
        THREE.replace("name: two}", "name: two, node_ip: 10.0.0.2}"),
        lambda world: None,
        "has the same address as one: 10.0.0.2",
    ),
    "no address of the head": (THREE, addresses("head", []), "head has no address that workers could reach"),
    "an address that a bridge cannot publish": (
        DOCKER.replace("name: head}", "name: head, node_ip: 'fd00::1', docker: {network: bridge}}"),
        facts("head", docker="28.0.0"),
        "the bridge network needs an IPv4 address",
    ),
    "no Docker": (
        DOCKER,
        facts("one", docker_problem="stopped", docker_says="no daemon"),
        "Docker's engine is not",
    ),
    "a Docker that hangs": (DOCKER, facts("one", docker_problem="hung"), "Docker gives no answer"),
    "packages without Ray": (
        THREE + "uv: {packages: [numpy]}\n",
        lambda world: None,
        "the packages do not include ray",
    ),
    "a port that does not open": (
        THREE,
        lambda world: world["one"].closed.update({"head": "timeout"}),
        "6379",
    ),
    "a missing archive": (
        DOCKER.replace("2.52.0'", "2.52.0', image_source: 'file:none.tar'"),
        lambda world: None,
        "hosts.yml:8: docker.image_source: there is no file",
    ),
}


def refusals(fleet, steps):
    """The status, and the lines that say what is wrong, each with its way out."""
    code = fleet.operate(steps, dry_run=True)
    lines = [line.rstrip() for line in fleet.out.splitlines()]
    found = []
    for number, line in enumerate(lines):
        if line.startswith("✗"):
            found.append((line, lines[number + 1] if number + 1 < len(lines) else ""))
    failed = {n.name: (f.message, f.hint) for n in fleet.run.every() if (f := fleet.run.failure(n))}
    return code, found, failed


@pytest.mark.parametrize(("text", "change", "words"), CASES.values(), ids=CASES)
def test_a_check_refuses_what_a_plan_refuses(fleet, world, text, change, words):
    fleet.write(text)
    for host in world.hosts.values():
        if "runtime: docker" in text:
            host.facts["docker"] = "28.0.0"
    change(world)
    planned = refusals(fleet, operation.PREPARE)
    assert planned[0] != 0
    assert words in re.sub(r"\s+", " ", fleet.out)
    assert refusals(fleet, operation.CHECK) == planned
    assert "ready for deploy-cluster" not in fleet.out


def test_each_step_before_the_first_change_is_in_a_check():
    """Without those that ask people, and those that are about a run over a part of the cluster."""
    asks = [one for module in (agree, head, prune) for one in vars(module).values()]
    before = [one for one in in_dry_run(operation.PREPARE) if one not in asks]
    assert [one for one in before if one.title not in {kept.title for kept in operation.CHECK}] == []
    assert check_files.check_files in operation.CHECK


def test_a_good_cluster_is_ready(fleet):
    assert fleet.operate(operation.CHECK, dry_run=True) == 0, fleet.out
    assert "3 hosts ready for deploy-cluster" in fleet.out
