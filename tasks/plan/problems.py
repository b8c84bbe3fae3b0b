"""What stands in the way on a host, before anything is changed; every problem with its way out."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from statistics import median_low

from tasks.node import macos, ray
from tasks.node.platforms import X86, machine
from tasks.node.subject import Finding, Subject
from tasks.plan.desired import on_bridge
from tasks.runtimes.conda import problems as conda
from tasks.runtimes.docker import gpus
from tasks.runtimes.docker.engine_choice import NoEngine, engine_for, remove_podman
from tasks.runtimes.docker.engine_facts import given, said

GIB = 1 << 30
SYSTEMS = ("Linux", "Darwin", "Windows")
MAX_SKEW = 120


def host_problems(subject: Subject, cluster: str) -> list[Finding]:
    """Everything about one host that no other host matters for."""
    found = [Finding(subject.name, message, hint) for message, hint in _each(subject, cluster)]
    return found + [
        Finding(subject.name, *note, note=True) for note in (*gpus.notes(subject), *_smaller(subject))
    ]


def _smaller(subject: Subject):
    """Docker Desktop's machine has less than the host."""
    host, way = subject.host, "raise it in Docker's settings, under Resources"
    if host.cpus and subject.cpus and subject.cpus < host.cpus <= (subject.facts.cpus or 0):
        yield f"cpus: {host.cpus} is more than the {subject.cpus} that Docker's VM has", way
    if host.memory and subject.memory and subject.memory < host.memory <= (subject.facts.memory or 0):
        asked, there = (f"{size / GIB:.1f} GiB" for size in (host.memory, subject.memory))
        yield f"memory: {asked} is more than the {there} that Docker's VM has", way


def _each(subject: Subject, cluster: str):
    host, facts = subject.host, subject.facts
    if facts.system == "Windows" and host.runtime == "uv":
        yield "the runtime uv cannot be deployed on Windows yet", "runtime: conda or docker"
        return
    if facts.system == "Windows" and host.runtime == "conda" and machine(facts.arch) != X86:
        yield "Ray has no packages for Windows on ARM", "runtime: docker"
    if facts.system not in SYSTEMS:
        yield (
            f"{facts.system or 'an unknown system'} is not supported yet with the runtime {host.runtime}",
            "",
        )
        return
    if not facts.home_writable:
        yield f"the home folder {facts.home} is not writable", f"make it writable for {facts.user}"
    if not facts.tmp_writable:
        yield "/tmp is not writable, and Ray keeps its sockets and logs there", "chmod 1777 /tmp"
    elif facts.tmp_ray_foreign and host.runtime != "docker":
        yield (
            "/tmp/ray belongs to another user and is not accessible",
            "its owner or root: chmod 1777 /tmp/ray",
        )
    if facts.sudo == "wrong-password":
        yield f"sudo rejects the password of {facts.user}", "sudo_password in the hosts file"
    yield from _docker(subject) if host.runtime == "docker" else _direct(subject)
    if host.runtime == "conda":
        yield from conda.problems(subject)
    yield from _occupied(subject, cluster)
    yield from gpus.problems(subject)


def _direct(subject: Subject):
    host, facts = subject.host, subject.facts
    if facts.system == "Linux" and facts.libc == "" and facts.os_id == "alpine":
        yield "Ray has no packages for musl (Alpine)", "runtime: docker"
    if host.runtime == "uv" and not facts.pythons and (host.uv.python or "").count(".") != 2:
        yield (
            "there is no Python 3 here",
            'install one, or set uv.python to a full version ("3.12.12"), or runtime: docker',
        )
    free = facts.disk_free.get(_mount(subject, facts.home))
    if free is not None and free < GIB and not facts.envs:
        yield f"only {free >> 20} MiB are free for {facts.home}, 1 GiB is needed", "free some space"


def _mount(subject: Subject, path: str) -> str:
    mounts = [m for m in subject.facts.disk_free if path == m or path.startswith(m.rstrip("/") + "/")]
    return max(mounts, key=len, default="/")


def _docker_desktop(subject: Subject):
    """Nothing of it is installed or started from afar: it needs a person who is logged in."""
    facts = subject.facts
    if facts.docker_problem == "missing":
        yield (
            "Docker Desktop is not installed",
            "https://docs.docker.com/desktop/setup/install/windows-install/",
        )
    elif facts.docker_problem == "stopped":
        yield (
            f"the Docker Desktop engine is not running: {facts.docker_says}",
            'log in there and start Docker Desktop; its setting "Start Docker Desktop when you sign in" keeps it so',
        )
    elif facts.docker_problem == "denied":
        yield (
            f"{facts.user} is not allowed to use Docker Desktop: {facts.docker_says}",
            f"as administrator: net localgroup docker-users {facts.user} /add",
        )
    elif facts.docker_problem == "windows":
        yield (
            "Docker Desktop runs Windows containers, and Ray's images are for Linux",
            'choose "Switch to Linux containers" in the menu of its icon',
        )
    docker = subject.host.docker
    for key, asked in (
        ("image_source", docker.image_source.startswith("file:")),
        ("registry_mirror", docker.registry_mirror),
        ("registry_user", docker.registry_user),
    ):
        if asked:
            hint = "leave it out on that host, and pull the image there by hand: docker pull"
            yield f"docker.{key} is not available on Windows yet", hint


def _docker(subject: Subject):
    host, facts = subject.host, subject.facts
    if facts.system == "Windows":
        yield from _docker_desktop(subject)
    elif facts.docker_problem == "missing" and facts.system == "Linux":
        found = engine_for(subject)
        # a password that sudo does not take is a line of its own
        if isinstance(found, NoEngine) and facts.sudo != "wrong-password":
            yield f"Docker is not installed, and {found.why}", found.hint
    elif facts.system == "Darwin" and facts.docker_problem:
        yield macos.docker_problem(facts)
    elif facts.docker_problem == "missing":
        yield "Docker is not installed", "install Docker Desktop"
    elif facts.docker_problem == "stopped":
        yield f"Docker's engine is not running: {facts.docker_says}", "sudo systemctl start docker"
    elif facts.docker_problem == "denied":
        yield (
            f"{facts.user} is not allowed to use Docker",
            f"sudo usermod -aG docker {facts.user}, or give a sudo_password in the hosts file",
        )
    elif facts.docker_problem == "podman":
        way = f"if nothing needs it: {remove_podman(facts)}, then deploy again; or runtime: uv"
        yield "the docker command here is Podman's, which this tool does not support", way
    yield from _own_network(subject)
    if host.docker.network == "host" and facts.system != "Linux":
        yield f"Docker has no host network on {facts.system}", "docker.network: auto, or bridge"
    if on_bridge(subject):
        yield from _bridge(subject)


def _bridge(subject: Subject):
    host = subject.host
    if host.node_ip and ":" in host.node_ip:
        yield (
            f"the bridge network needs an IPv4 address, and node_ip is {host.node_ip}",
            "node_ip: an IPv4 address",
        )
    for user in said(host.docker.run_args, "--user", "-u"):
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


def _own_network(subject: Subject):
    """Engines whose containers cannot have the host's network."""
    host, engine = subject.host, subject.facts.engine
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
    elif "userns" in engine.options and not given(host.docker.run_args, "--userns", "host"):
        yield (
            "Docker maps users here (userns-remap), so its containers cannot have the host's network",
            'docker: {run_args: ["--userns=host"]}, or docker: {network: bridge}',
        )


def _occupied(subject: Subject, cluster: str):
    host, facts = subject.host, subject.facts
    foreign = [p for p in facts.ray_processes if not _is_ours(p, subject, cluster)]
    # ours may run with its supervisor dead; a start replaces it then
    ours = (bool(facts.state) and facts.active) or len(foreign) < len(facts.ray_processes)
    # a run that was interrupted may have left it on its way up or down
    ours = ours or facts.node_processes
    if foreign:
        pids = ", ".join(str(p.pid) for p in foreign)
        yield (
            f"Ray is already running here, not started by this project (process {pids})",
            "if nothing needs it, run `ray stop` on that host",
        )
    if not ours and not foreign:
        busy = {what: port for what, port in ray.ports_needed(host).items() if port in facts.ports}
        if on_bridge(subject):
            # a range is published whole or not at all
            low, high = ray.worker_ports(host, bridge=True, cpus=host.cpus or subject.cpus)
            taken = sorted(port for port in facts.ports if low <= port <= high)
            busy |= {f"worker processes, {low}-{high}": port for port in taken[:1]}
        if busy:
            said = ", ".join(f"{port} ({what})" for what, port in busy.items())
            yield f"ports in use: {said}", "stop what listens there, or choose other ports under ray.ports"


def _is_ours(process, subject: Subject, cluster: str) -> bool:
    facts = subject.facts
    if f"/.rayfab/{cluster}/envs/" in process.exe or f"rayfab-{cluster}.service" in process.cgroup:
        return True
    return bool(facts.container) and facts.container[:12] in process.cgroup


def cluster_problems(subjects: Sequence[Subject]) -> list[Finding]:
    """What only shows when hosts are held side by side: one machine under two names, clocks apart."""
    out = []
    seen: dict[tuple, str] = {}
    for subject in subjects:
        facts = subject.facts
        own = tuple(
            sorted(a.ip for a in facts.addresses if not a.virtual and not a.ip.startswith(("127.", "::1")))
        )
        key = (facts.boot_id, facts.machine_id, facts.hostname, own)
        if any(key[:2]) and key in seen:
            out.append(Finding(subject.name, f"is the same machine as {seen[key]}", "list it once"))
        seen.setdefault(key, subject.name)
    clocks = {s.name: s.facts.clock for s in subjects if s.facts.clock}
    if len(clocks) > 1:
        middle = median_low(clocks.values())
        for name, clock in clocks.items():
            if abs(clock - middle) > MAX_SKEW:
                skew = clock - middle
                out.append(
                    Finding(
                        name,
                        f"its clock differs by {skew:+d} s from the others",
                        "set it, or run an NTP client",
                        note=True,
                    )
                )
    return out
