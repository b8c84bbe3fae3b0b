"""What stands in the way on Windows hosts."""

from __future__ import annotations

import pytest

from tasks.plan.problems import host_problems
from tasks.runtimes.docker.node import on_bridge
from tests.script import samples

FACTS = {"system": "Windows", "home": "C:/Users/me", "user": "me", "uid": -1, "systemd": False}


def problems(text=samples.DOCKER, **more):
    found = host_problems(samples.subject("worker", text=text, **{**FACTS, **more}), "lab")
    return [(f.message, f.hint) for f in found]


def test_a_host_with_docker_has_no_problem():
    assert problems() == []
    assert on_bridge(samples.subject("worker", text=samples.DOCKER, **FACTS))


def test_uv_is_reported_as_unsupported():
    said = "the runtime uv cannot be deployed on Windows yet"
    assert problems(samples.UV) == [(said, "runtime: conda or docker")]


def test_ray_has_nothing_for_windows_on_arm():
    found = problems(samples.CONDA, arch="aarch64")
    assert ("Ray has no packages for Windows on ARM", "runtime: docker") in found
    assert ("Ray has no packages for Windows on ARM", "runtime: docker") not in problems(samples.CONDA)


@pytest.mark.parametrize(
    ("problem", "message", "hint"),
    [
        ("missing", "Docker Desktop is not installed", "docs.docker.com/desktop"),
        (
            "stopped",
            "the Docker Desktop engine is not running: no pipe",
            "Start Docker Desktop when you sign in",
        ),
        ("denied", "me is not allowed to use Docker Desktop: no pipe", "net localgroup docker-users me /add"),
        ("windows", "Docker Desktop runs Windows containers", "Switch to Linux containers"),
    ],
)
def test_each_problem_of_docker_desktop_has_its_fix(problem, message, hint):
    ((said, way),) = problems(version=None, problem=problem, says="no pipe")
    assert message in said
    assert hint in way


def test_its_only_network_is_a_bridge():
    text = samples.DOCKER.replace("docker: {", "docker: {network: host, ")
    assert problems(text) == [("Docker has no host network on Windows", "docker.network: auto, or bridge")]
