"""Whose Ray runs on a host beside ours: another cluster of this project, a container, a service, or nobody's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.node.facts import Facts
from tasks.node.homes import host_id
from tasks.node.processes import RayProcess
from tasks.text.quoting import posix as quote

# the service of a login, which holds whatever was started by hand
OF_LOGINS = re.compile(r"user@\d+\.service|sshd?(@.*)?\.service")


def container_of(process: RayProcess, facts: Facts) -> tuple[str, str] | None:
    """The program and the name of the container that it runs in."""
    return next((box for id_, box in facts.ray_containers.items() if id_ in process.cgroup), None)


def service_of(process: RayProcess) -> str:
    """The systemd service that it belongs to, without the ending; '' for none."""
    found = re.findall(r"/([^/,]+\.service)", process.cgroup)
    return found[-1].removesuffix(".service") if found and not OF_LOGINS.fullmatch(found[-1]) else ""


def cluster_of(process: RayProcess, facts: Facts) -> str:
    """The cluster of this project that it belongs to; '' if it is not this project's."""
    if found := re.search(r"/\.rayfab/([^/]+)/envs/", process.exe):
        return found.group(1)
    box = container_of(process, facts)
    name = box[1] if box else service_of(process)
    if not name.startswith("rayfab-"):
        return ""
    return name.removeprefix("rayfab-").removesuffix("-" + host_id(facts))


def stranger(processes: Sequence[RayProcess], facts: Facts) -> tuple[str, str]:
    """What to say of a Ray that is not this project's, and how to stop it."""
    pids = ", ".join(str(process.pid) for process in processes)
    said = f"Ray is already running here, not started by this project (process {pids}"
    boxes = dict.fromkeys(box for process in processes if (box := container_of(process, facts)))
    services = dict.fromkeys(name for process in processes if (name := service_of(process)))
    if boxes:
        names = ", ".join(name for _, name in boxes)
        ways = "; ".join(f"{tool} rm -f {quote(name)}" for tool, name in boxes)
        return f"{said}, container {names})", f"if nothing needs it: {ways}"
    if services and not any(".scope" in process.cgroup for process in processes):
        ways = "; ".join(f"systemctl disable --now {quote(name)}" for name in services)
        return f"{said}, service {', '.join(services)})", f"if nothing needs it: {ways}"
    return f"{said})", "if nothing needs it, run `ray stop` on that host"
