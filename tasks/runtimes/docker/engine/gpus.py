"""GPUs in containers: those that the driver reports, compared with what the engine can pass to a container."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.node.facts import Facts
from tasks.node.gpus import names
from tasks.node.subject import Subject
from tasks.runtimes.docker.engine.facts import gpus_in
from tasks.runtimes.docker.facts import docker_of

GUIDE = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
RPM = "https://nvidia.github.io/libnvidia-container/stable/rpm/nvidia-container-toolkit.repo"
RESTART = "sudo systemctl restart docker"
# by package manager; apt needs a key and a source list first, so users get the guide
TOOLKIT = {
    "apt-get": f"sudo apt-get install -y nvidia-container-toolkit (from NVIDIA's packages: {GUIDE}), then {RESTART}",
    "dnf": f"curl -sL {RPM} | sudo tee /etc/yum.repos.d/nvidia-container-toolkit.repo && "
    f"sudo dnf install -y nvidia-container-toolkit && {RESTART}",
    "yum": f"curl -sL {RPM} | sudo tee /etc/yum.repos.d/nvidia-container-toolkit.repo && "
    f"sudo yum install -y nvidia-container-toolkit && {RESTART}",
    "zypper": f"sudo zypper ar {RPM} && "
    f"sudo zypper --gpg-auto-import-keys install -y nvidia-container-toolkit && {RESTART}",
    "pacman": f"sudo pacman -S nvidia-container-toolkit && {RESTART}",
}


def problems(subject: Subject) -> Iterator[tuple[str, str]]:
    """Reports requested GPUs that the driver knows, but that the engine cannot pass to a container."""
    if subject.host.gpus and _unusable(subject):
        asked = f"gpus: {subject.host.gpus} is requested"
        why = f"{asked}, but Docker cannot give it: NVIDIA's container toolkit is missing"
        yield why, toolkit(subject.facts)


def notes(subject: Subject) -> Iterator[tuple[str, str]]:
    """Reports GPUs that the hosts file does not mention, and that stay unused."""
    facts = subject.facts
    if subject.host.gpus is None and not facts.gpu_says and _unusable(subject):
        why = f"{names(facts)} stays unused, since NVIDIA's container toolkit is missing"
        yield why, f"set gpus: 0 if that is intended, else {toolkit(facts)}"


def _unusable(subject: Subject) -> bool:
    """Whether the driver reports GPUs that the engine cannot use."""
    facts, docker = subject.facts, docker_of(subject.facts)
    # also for an engine that this tool is about to install
    engine = docker.version is not None or (docker.problem == "missing" and facts.system == "Linux")
    known = engine and bool(facts.gpus)
    return known and not docker.engine.gives_gpus and not gpus_in(subject.host.docker.run_args)


def toolkit(facts: Facts) -> str:
    """How to install NVIDIA's container toolkit on a host; the engine must be restarted after it."""
    return next((way for tool, way in TOOLKIT.items() if tool in facts.tools), GUIDE)
