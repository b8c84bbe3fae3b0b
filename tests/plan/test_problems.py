"""Every problem of a host in its exact words, each with its fix."""

from __future__ import annotations

import pytest

from tasks.inventory import Host
from tasks.node.places import Places
from tasks.node.processes import RayProcess
from tasks.node.subject import Finding
from tasks.plan.problems import host_problems
from tasks.runtimes.docker.engine.facts import EngineFacts
from tasks.runtimes.packages.problems import GIB
from tests.script import samples

UV_TEXT, DOCKER_TEXT = samples.UV, samples.DOCKER


def section(host: Host, name: str, **more) -> Host:
    """The host with other settings in one of its sections."""
    return host.model_copy(update={name: getattr(host, name).model_copy(update=more)})


UV = samples.host("worker", text=UV_TEXT)
HEAD = samples.host("head", text=UV_TEXT)
DOCKER = samples.host("worker", text=DOCKER_TEXT)
CONDA = UV.model_copy(update={"runtime": "conda"})

STRANGER = RayProcess(77, "/opt/ray/raylet", "0::/user.slice")
CHOOSE_PORTS = "stop what listens there, or choose other ports under ray.ports"

# what differs -> the host, the facts, message and fix
CASES = {
    "an unknown system": (
        UV,
        {"system": ""},
        "an unknown system is not supported yet with the runtime uv",
        "",
    ),
    "another system": (
        DOCKER,
        {"system": "FreeBSD"},
        "FreeBSD is not supported yet with the runtime docker",
        "",
    ),
    "conda, and no packages of its for this system": (
        CONDA,
        {"arch": "riscv64", "prefix": "absent"},
        "conda has no packages for Linux on riscv64",
        "it has: linux-64, linux-aarch64, linux-ppc64le, osx-64, osx-arm64, win-64",
    ),
    "conda, and something else in its place": (
        CONDA,
        {"prefix": "foreign"},
        "~/miniconda3 exists, but contains no working conda",
        "set conda.prefix to another folder, or move away what is there",
    ),
    "conda, and a home with a blank": (
        CONDA,
        {"prefix": "absent", "home": "/home/it is me"},
        "conda cannot be installed in a folder whose path has spaces: /home/it is me/miniconda3",
        "conda.prefix: a path without spaces",
    ),
    "the home": (
        UV,
        {"home_writable": False, "home": "/home/me", "user": "me"},
        "the home folder /home/me is not writable",
        "make it writable for me",
    ),
    "/tmp": (
        UV,
        {"tmp_writable": False},
        "/tmp is not writable, and Ray keeps its sockets and logs there",
        "chmod 1777 /tmp",
    ),
    "/tmp/ray": (
        UV,
        {"places": Places(near="/tmp/ray", foreign=("bob", "/tmp/ray"), writable=False)},
        "/tmp/ray belongs to bob, and Ray has to write it",
        "bob or root: chmod 1777 /tmp/ray; or ray.temp_dir: a folder of root's own",
    ),
    "a system service without a way to root": (
        UV,
        {
            "uid": 1000,
            "sudo": "refused",
            "sudo_says": "password of me: Sorry, try again.",
            "user": "me",
            "service": "system",
        },
        "Ray is a system service here, and sudo rejects the password of me",
        "sudo_password in the hosts file",
    ),
    "musl": (
        UV,
        {"os_id": "alpine", "libc": ""},
        "Ray has no packages for musl (Alpine)",
        "runtime: docker",
    ),
    "no Python, and no build of one": (
        UV,
        {"pythons": (), "arch": "riscv64"},
        "Ray has no packages for Linux on riscv64",
        "runtime: docker with an image for it, or mirrors.pypi: an index that has them",
    ),
    "the disk": (
        UV,
        {"disk_free": {"/": 300 << 20}},
        "only 300 MiB are free for /root, 1 GiB is needed",
        "free some space",
    ),
    "the disk that holds the home": (
        UV,
        {"disk_free": {"/": 50 * GIB, "/home": 5 << 20}, "home": "/home/me"},
        "only 5 MiB are free for /home/me, 1 GiB is needed",
        "free some space",
    ),
    "no Docker, and none that can be installed": (
        DOCKER,
        {"problem": "missing", "os_id": "gentoo"},
        "Docker is not installed, and this tool cannot install it on gentoo",
        "as root: emerge app-containers/docker app-containers/docker-cli",
    ),
    "no Docker for this user, and no way to root": (
        DOCKER,
        {
            "problem": "denied",
            "sudo": "refused",
            "sudo_says": "me is not in the sudoers file.",
            "uid": 1000,
            "user": "me",
        },
        "me is not allowed to use Docker, and me may not use sudo",
        "sudo usermod -aG docker me; or as root: put me into the group sudo (Red Hat, SUSE, Arch: wheel)",
    ),
    "Docker stopped": (
        DOCKER,
        {"problem": "stopped", "says": "Cannot connect to the Docker daemon"},
        "Docker's engine is not running: Cannot connect to the Docker daemon",
        "sudo systemctl start docker",
    ),
    "Docker denied": (
        DOCKER,
        {"problem": "denied", "user": "me"},
        "me is not allowed to use Docker",
        "sudo usermod -aG docker me; or give a sudo_password in the hosts file",
    ),
    "Podman": (
        DOCKER,
        {"problem": "podman", "tools": frozenset({"apt-get"})},
        "the docker command here is Podman's, which this tool does not support",
        "if nothing needs it: sudo apt-get remove podman-docker, then deploy again; or runtime: uv",
    ),
    "the host's network on a Mac": (
        section(DOCKER, "docker", network="host"),
        {"system": "Darwin"},
        "Docker has no host network on Darwin",
        "docker.network: auto, or bridge",
    ),
    "a bridge and an IPv6 address": (
        section(DOCKER, "docker", network="bridge").model_copy(update={"node_ip": "fd00::1"}),
        {},
        "the bridge network needs an IPv4 address, and node_ip is fd00::1",
        "node_ip: an IPv4 address",
    ),
    "a bridge and something in its range": (
        section(DOCKER, "docker", network="bridge"),
        {"ports": frozenset({22, 10050, 10099})},
        "ports in use: 10050 (worker processes, 10002-10099)",
        "stop what listens there, or choose other ports under ray.ports",
    ),
    "a foreign Ray": (
        UV,
        {"ray_processes": (STRANGER, RayProcess(78, "/opt/ray/gcs_server", "")), "ports": frozenset({20000})},
        "Ray is already running here, not started by this project (process 77, 78)",
        "if nothing needs it, run `ray stop` on that host",
    ),
    "a foreign Ray beside ours": (
        UV,
        {"ray_processes": (STRANGER,), "state": {"hash": "h"}, "active": True},
        "Ray is already running here, not started by this project (process 77)",
        "if nothing needs it, run `ray stop` on that host",
    ),
    "somebody's container": (
        UV,
        {
            "ray_processes": (RayProcess(7, "/x/raylet", f"0::/system.slice/docker-{'ab' * 32}.scope,"),),
            "ray_containers": {"ab" * 32: ("docker", "theirs")},
        },
        "Ray is already running here, not started by this project (process 7, container theirs)",
        "if nothing needs it: docker rm -f theirs",
    ),
    "somebody's service": (
        UV,
        {"ray_processes": (RayProcess(7, "/opt/raylet", "0::/system.slice/their-ray.service,"),)},
        "Ray is already running here, not started by this project (process 7, service their-ray)",
        "if nothing needs it: systemctl disable --now their-ray",
    ),
    "another cluster on our ports": (
        UV,
        {"ray_processes": (RayProcess(5, "/root/.rayfab/other/envs/e/raylet", "0::/x"),), "ports": {20000}},
        "ports in use: 20000 (node manager); the cluster other of this project runs here",
        "other ports under ray.ports; or, if it is this one under its former name: cluster: other in the hosts file, "
        "fab destroy, then the new name",
    ),
    "another cluster's container on our ports": (
        UV,
        {
            "ray_processes": (RayProcess(5, "/x/raylet", f"0::/docker/{'cd' * 32},"),),
            "ray_containers": {"cd" * 32: ("podman", "rayfab-old")},
            "ports": {20000},
        },
        "ports in use: 20000 (node manager); the cluster old of this project runs here",
        "other ports under ray.ports; or, if it is this one under its former name: cluster: old in the hosts file, "
        "fab destroy, then the new name",
    ),
    "a worker's ports": (
        UV,
        {"ports": frozenset({22, 6379, 8265, 10001, 20000, 20004})},
        "ports in use: 20000 (node manager), 20004 (metrics)",
        CHOOSE_PORTS,
    ),
    "a head's ports": (
        HEAD,
        {"ports": frozenset({22, 6379, 8265, 10001})},
        "ports in use: 6379 (GCS), 8265 (dashboard), 10001 (Ray Client)",
        CHOOSE_PORTS,
    ),
    "ports, though a former deploy left its state": (
        UV,
        {"ports": frozenset({20000}), "state": {"hash": "h"}, "active": False},
        "ports in use: 20000 (node manager)",
        CHOOSE_PORTS,
    ),
}


@pytest.mark.parametrize(("host", "facts", "message", "hint"), CASES.values(), ids=CASES)
def test_a_problem_is_reported_with_its_fix(host, facts, message, hint):
    subject = samples.subject(host_=host, **facts)
    assert host_problems(subject, "lab") == [Finding("one" if host is not HEAD else "head", message, hint)]


NONE = {
    "another cluster on other ports": (
        UV,
        {
            "ray_processes": (
                RayProcess(5, "/root/.rayfab/other/envs/e/raylet", "0::/x"),
                RayProcess(6, "", "0::/system.slice/rayfab-third.service,"),
            ),
            "ports": frozenset({30000}),
        },
    ),
    "a plain host": (UV, {}),
    "a Mac": (UV, {"system": "Darwin", "libc": ""}),
    "Docker on a Mac": (DOCKER, {"system": "Darwin", "libc": ""}),
    "a bridge": (section(DOCKER, "docker", network="bridge"), {}),
    "no Python, and a build of one": (UV, {"pythons": ()}),
    "no Python under Docker": (DOCKER, {"pythons": ()}),
    "Docker that will be installed": (
        DOCKER,
        {"problem": "missing", "tools": frozenset({"apt-get"})},
    ),
    "Alpine under Docker": (DOCKER, {"os_id": "alpine", "libc": ""}),
    "/tmp/ray under Docker": (
        DOCKER,
        {"places": Places(near="/tmp/ray", foreign=("bob", "/tmp/ray/ray_current_cluster"))},
    ),
    "sudo that needs a password which nobody gave": (UV, {"sudo": "needs-password"}),
    "little space where all is installed": (
        UV,
        {"disk_free": {"/": 5 << 20}, "envs": frozenset({"ray-2.52.0"})},
    ),
    "space that nobody could tell": (UV, {"disk_free": {}}),
    "another disk is full": (UV, {"disk_free": {"/": 50 * GIB, "/ro": 0, "/tmp": 0}}),
    "our own ports": (UV, {"ports": frozenset({20000}), "state": {"hash": "h"}, "active": True}),
    "our own node on its way up or down": (UV, {"ports": frozenset({20000}), "node_processes": True}),
    "our own Ray by its environment": (
        UV,
        {
            "ray_processes": (RayProcess(5, "/root/.rayfab/lab/envs/e/raylet", "0::/x"),),
            "ports": frozenset({22}),
        },
    ),
    "our own Ray by its service": (
        UV,
        {"ray_processes": (RayProcess(5, "", "0::/system.slice/rayfab-lab.service,"),)},
    ),
    "our own Ray by its container": (
        DOCKER,
        {
            "container": "0123456789abcdef",
            "ray_processes": (RayProcess(5, "", "0::/system.slice/docker-0123456789abcdef.scope,"),),
        },
    ),
    "GPUs": (UV.model_copy(update={"gpus": 1}), {"gpus": ("NVIDIA L4",)}),
    "our Ray, whose supervisor has died": (
        UV,
        {
            "state": {"hash": "h"},
            "active": False,
            "ports": frozenset({20000}),
            "ray_processes": (RayProcess(5, "/root/.rayfab/lab/envs/e/raylet", "0::/x"),),
        },
    ),
    "no GPUs wanted": (UV.model_copy(update={"gpus": 0}), {}),
}


@pytest.mark.parametrize(("host", "facts"), NONE.values(), ids=NONE)
def test_a_suitable_host_has_no_problem(host, facts):
    assert host_problems(samples.subject(host_=host, **facts), "lab") == []


def test_all_problems_of_a_host_at_once():
    found = host_problems(
        samples.subject(
            home_writable=False,
            tmp_writable=False,
            pythons=(),
            arch="riscv64",
            disk_free={"/": 0},
            ports=frozenset({20000}),
        ),
        "lab",
    )
    assert len(found) == 5


SNAP = {"engine": EngineFacts(own_tmp=True)}


class TestDockerWithAnotherTmp:
    def test_has_rays_folder_in_the_home(self):
        subject = samples.subject(host_=DOCKER, **SNAP)
        (note,) = host_problems(subject, "lab")
        assert note.note and note.message.endswith("so Ray's folder is ~/tmp/ray")
        assert samples.desired(subject).temp_dir == "/root/tmp/ray"

    def test_cannot_have_it_below_tmp(self):
        (problem,) = host_problems(
            samples.subject(host_=section(DOCKER, "ray", temp_dir="/tmp/mine"), **SNAP), "lab"
        )
        assert not problem.note and problem.hint == "ray.temp_dir: a folder that is not below /tmp"
