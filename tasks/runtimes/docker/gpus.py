"""GPUs: what the hosts file asks for against what the host has and its Docker can hand to a container."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.node.facts import Facts
from tasks.node.subject import Subject
from tasks.runtimes.docker.engine_facts import gpus_in

GUIDE = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
RPM = "https://nvidia.github.io/libnvidia-container/stable/rpm/nvidia-container-toolkit.repo"
RESTART = "sudo systemctl restart docker"
# by the package manager; apt's needs a key and a list of its own
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
    """A number of GPUs that the host or its engine cannot give; message and way out."""
    host, facts = subject.host, subject.facts
    if not host.gpus:
        return
    asked, there = f"gpus: {host.gpus} is requested", len(facts.gpus)
    if facts.system == "Darwin":
        yield f"{asked}, but no NVIDIA GPU works on macOS", "remove gpus"
    elif facts.gpu_says and not there:
        yield (
            f"{asked}, but nvidia-smi says: {facts.gpu_says}",
            "repair the driver (reboot after its update), or remove gpus",
        )
    elif not there:
        yield f"{asked}, but nvidia-smi names no GPU", "install the driver, or remove gpus"
    elif there < host.gpus:
        yield (
            f"{asked}, but there {_are(there)}: {_names(facts)}",
            f"gpus: {there}, or remove gpus to use all",
        )
    elif _unusable(subject):
        yield f"{asked}, but Docker cannot give it: NVIDIA's container toolkit is missing", toolkit(facts)


def notes(subject: Subject) -> Iterator[tuple[str, str]]:
    """GPUs that nobody asked for, and that stay unused."""
    facts = subject.facts
    if subject.host.gpus is not None:
        return
    if facts.gpu_says:
        yield f"no GPU is used, since nvidia-smi says: {facts.gpu_says}", "set gpus: 0 if that is intended"
    elif _unusable(subject):
        why = f"{_names(facts)} stays unused, since NVIDIA's container toolkit is missing"
        yield why, f"set gpus: 0 if that is intended, else {toolkit(facts)}"


def _unusable(subject: Subject) -> bool:
    """GPUs that the driver knows, and the engine does not."""
    facts = subject.facts
    # an engine that this tool is about to install is asked for as well
    engine = facts.docker is not None or (facts.docker_problem == "missing" and facts.system == "Linux")
    known = subject.in_container and engine and bool(facts.gpus)
    return known and not facts.engine.gives_gpus and not gpus_in(subject.host.docker.run_args)


def toolkit(facts: Facts) -> str:
    """How NVIDIA's container toolkit gets onto a host; the engine has to start over then."""
    return next((way for tool, way in TOOLKIT.items() if tool in facts.tools), GUIDE)


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def _names(facts: Facts) -> str:
    return ", ".join(
        name if facts.gpus.count(name) == 1 else f"{facts.gpus.count(name)} x {name}"
        for name in dict.fromkeys(facts.gpus)
    )
