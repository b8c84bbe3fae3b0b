"""Problems that prevent a container on a host, each with its fix."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from tasks.node import sudo
from tasks.node.subject import Subject
from tasks.runtimes.docker.engine import macos
from tasks.runtimes.docker.engine.choice import NoEngine, engine_for, remove_podman
from tasks.runtimes.docker.engine.facts import has_option, option_values
from tasks.runtimes.docker.facts import docker_of
from tasks.runtimes.docker.node import on_bridge

GIB = 1 << 30
Problem = tuple[str, str]


def problems(subject: Subject) -> Iterator[Problem]:
    """The problems of the engine, then those of the network."""
    host, facts = subject.host, subject.facts
    yield from _engine(subject)
    yield from _own_network(subject)
    if host.docker.network == "host" and facts.system != "Linux":
        yield f"Docker has no host network on {facts.system}", "docker.network: auto, or bridge"
    if on_bridge(subject):
        yield from _bridge(subject)


def smaller_machine(subject: Subject) -> Iterator[Problem]:
    """Requested resources that the host has, but Docker Desktop's virtual machine doesn't."""
    host, way = subject.host, "raise it in Docker's settings, under Resources"
    if host.cpus and subject.cpus and subject.cpus < host.cpus <= (subject.facts.cpus or 0):
        yield f"cpus: {host.cpus} is more than the {subject.cpus} that Docker's VM has", way
    if host.memory and subject.memory and subject.memory < host.memory <= (subject.facts.memory or 0):
        asked, there = (f"{size / GIB:.1f} GiB" for size in (host.memory, subject.memory))
        yield f"memory: {asked} is more than the {there} that Docker's VM has", way


def address_problem(ip: str, subject: Subject) -> str:
    """A bridge needs an IPv4 address, since Docker publishes ports only there."""
    if ":" not in ip or not on_bridge(subject):
        return ""
    if subject.host.role == "head":
        return f"the bridge network needs an IPv4 address for the head, not {ip}"
    return f"the bridge network needs an IPv4 address, not {ip}"


def _engine(subject: Subject) -> Iterator[Problem]:
    facts, docker = subject.facts, docker_of(subject.facts)
    if facts.system == "Windows":
        yield from _docker_desktop(subject)
    elif docker.problem == "missing" and facts.system == "Linux":
        found = engine_for(subject)
        if isinstance(found, NoEngine):
            yield f"Docker is not installed, and {found.why}", found.hint
    elif facts.system == "Darwin" and docker.problem:
        yield macos.docker_problem(facts)
    elif docker.problem == "missing":
        yield "Docker is not installed", "install Docker Desktop"
    elif docker.problem == "stopped":
        yield f"Docker's engine is not running: {docker.says}", "sudo systemctl start docker"
    elif docker.problem == "hung":
        yield "Docker gives no answer", "sudo systemctl restart docker"
    elif docker.problem == "denied":
        why, way = sudo.refusal(facts) or ("", "give a sudo_password in the hosts file")
        yield (
            f"{facts.user} is not allowed to use Docker" + (f", and {why}" if why else ""),
            f"sudo usermod -aG docker {facts.user}; or {way}",
        )
    elif docker.problem == "podman":
        way = f"if nothing needs it: {remove_podman(facts)}, then deploy again; or runtime: uv"
        yield "the docker command here is Podman's, which this tool does not support", way


def _docker_desktop(subject: Subject) -> Iterator[Problem]:
    """Docker Desktop's problems on Windows, where it can't be installed or started over SSH."""
    facts, docker = subject.facts, docker_of(subject.facts)
    if docker.problem == "missing":
        yield (
            "Docker Desktop is not installed",
            "https://docs.docker.com/desktop/setup/install/windows-install/",
        )
    elif docker.problem == "stopped":
        yield (
            f"the Docker Desktop engine is not running: {docker.says}",
            'log in there and start Docker Desktop; its setting "Start Docker Desktop when you sign in" keeps it so',
        )
    elif docker.problem == "denied":
        yield (
            f"{facts.user} is not allowed to use Docker Desktop: {docker.says}",
            f"as administrator: net localgroup docker-users {facts.user} /add",
        )
    elif docker.problem == "windows":
        yield (
            "Docker Desktop runs Windows containers, and Ray's images are for Linux",
            'choose "Switch to Linux containers" in the menu of its icon',
        )
    section = subject.host.docker
    for key, asked in (
        ("image_source", section.image_source.startswith("file:")),
        ("registry_mirror", section.registry_mirror),
        ("registry_user", section.registry_user),
    ):
        if asked:
            hint = "leave it out on that host, and pull the image there by hand: docker pull"
            yield f"docker.{key} is not available on Windows yet", hint


def _bridge(subject: Subject) -> Iterator[Problem]:
    host = subject.host
    if host.node_ip and ":" in host.node_ip:
        yield (
            f"the bridge network needs an IPv4 address, and node_ip is {host.node_ip}",
            "node_ip: an IPv4 address",
        )
    for user in option_values(host.docker.run_args, "--user", "-u"):
        if not re.fullmatch(r"\d+(:\d+)?", user):
            yield (
                f"on the bridge network a container's user must be given by number, not as {user}",
                "--user UID:GID",
            )
    listen = host.ray.dashboard_host
    if host.role == "head" and listen != "localhost" and not _is_ip(listen):
        yield (
            f"Docker publishes the dashboard at an address, and ray.dashboard_host is {listen}",
            "ray.dashboard_host: 127.0.0.1 or 0.0.0.0",
        )


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _own_network(subject: Subject) -> Iterator[Problem]:
    """Engines whose containers cannot use the host's network."""
    host, engine = subject.host, docker_of(subject.facts).engine
    if on_bridge(subject) or subject.facts.system != "Linux":
        return
    if engine.system == "Docker Desktop":
        yield (
            "Docker Desktop's containers cannot have this host's network",
            "docker: {network: bridge}, or Docker Engine in its place, or runtime: uv",
        )
    elif "rootless" in engine.options:
        yield (
            "Docker runs rootless here, and the host network of its containers is not this host's",
            "use root's engine (docker context use default), or docker: {network: bridge}, or runtime: uv",
        )
    elif "userns" in engine.options and not has_option(host.docker.run_args, "--userns", "host"):
        yield (
            "Docker maps users here (userns-remap), so its containers cannot have the host's network",
            'docker: {run_args: ["--userns=host"]}, or docker: {network: bridge}',
        )
