"""What a host shall run: every word of it rendered, and a hash that changes when any of it does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from tasks.node import ray
from tasks.node import supervisors as service
from tasks.node import windows_task as task
from tasks.node.names import RAY_DIR, node_dir, temp_dir
from tasks.node.subject import Subject
from tasks.plan.remembered import remembered
from tasks.runtimes.docker import container as docker
from tasks.runtimes.docker.engine_facts import given, run_options, said

STEP = 64 << 20
GIB = 1 << 30


@dataclass(frozen=True)
class Versions:
    """What runs on one host. ``python_path`` None: uv installs that Python. ``lock`` is empty for Docker."""

    ray: str
    python: str
    python_path: str | None = None
    lock: str = ""
    env_id: str = ""
    image: str = ""
    image_user: str = ""  # uid:gid


@dataclass(frozen=True)
class Desired:
    """The node that a host shall be."""

    name: str
    role: str
    kind: str  # system | user | daemon | agent | task | loop | docker
    node_ip: str
    head_address: str
    versions: Versions
    hash: str
    words: tuple[str, ...]
    token: bool
    temp_dir: str = RAY_DIR
    user: str = ""  # uid:gid that a container started as root goes on as
    runs_as: str = ""  # of Ray in a container, started as root or not; empty while that is not known
    # by the name of the value that the starting script gets
    files: dict[str, str] = field(default_factory=dict)
    start: dict[str, Any] = field(default_factory=dict)  # see remembered.py

    def state(self, token_fingerprint: str, request: str) -> dict[str, Any]:
        """What is left on the host for the next run to compare with."""
        return {
            "hash": self.hash,
            "role": self.role,
            "service": self.kind,
            "ray": self.versions.ray,
            "python": self.versions.python,
            "env": self.versions.env_id,
            "image": self.versions.image,
            "node_ip": self.node_ip,
            "head": self.head_address,
            "token": token_fingerprint,
            "request": request,
            "start": self.start,
        }


def service_kind(subject: Subject) -> str:
    """Who supervises the node: the system's own supervisor where that can be had, else the user's, else a loop."""
    facts = subject.facts
    if subject.host.runtime == "docker":
        return "docker"
    if facts.system == "Darwin":
        return "daemon" if facts.can_root else "agent"
    if facts.system == "Windows":
        return "task"
    if facts.systemd and facts.can_root:
        return "system"
    return "user" if facts.systemd and facts.user_systemd else "loop"


def on_bridge(subject: Subject) -> bool:
    """Whether the node is a container on a bridge: where the file says so, and on systems whose Docker is in a VM."""
    if subject.host.runtime != "docker":
        return False
    network = subject.host.docker.network
    return network == "bridge" or (network == "auto" and subject.facts.system != "Linux")


def env_id(versions_ray: str, python: str, lock: str) -> str:
    """A name for an environment: the same packages on the same Python have the same."""
    digest = hashlib.sha256(f"{python}\n{lock}".encode()).hexdigest()[:12]
    return f"ray-{versions_ray}-py{python}-{digest}"


def shm_bytes(subject: Subject) -> int:
    """The recipe's size where memory allows, else what Ray asks for: 30% of memory, in whole 64 MiB.

    Rounded, since a kernel counts a little more or less memory at each boot, and nothing may restart for that.
    """
    wanted = subject.host.docker.shm_size.bytes
    memory = subject.memory
    return wanted if memory is None or wanted <= memory * 0.8 else max(int(memory * 0.3) // STEP, 1) * STEP


def shm_note(subject: Subject) -> str:
    """Said where the container gets less shared memory than the hosts file asks for, else ''."""
    asked, gets = subject.host.docker.shm_size, shm_bytes(subject)
    if not subject.in_container or gets == asked.bytes or given(subject.host.docker.run_args, "--shm-size"):
        return ""
    memory = f"30% of its {subject.memory / GIB:.1f} GiB of memory"
    return f"shared memory is {gets / GIB:.1f} GiB here ({memory}), where docker.shm_size asks for {asked}"


def desire(subject: Subject, cluster: str, versions: Versions, node_ip: str, head_address: str) -> Desired:
    """Renders everything that the node is made of."""
    host, facts = subject.host, subject.facts
    bridge = on_bridge(subject)
    cpus = host.cpus or subject.cpus
    token = ray.uses_token(host, versions.ray)
    kind = service_kind(subject)
    folder = task.temp_dir(facts.home, cluster) if kind == "task" else temp_dir(facts.home, bridge=bridge)
    words = ray.start_words(
        host,
        versions.ray,
        node_ip,
        head_address,
        bridge=bridge,
        cpus=cpus,
        temp_dir=folder if kind == "task" else RAY_DIR,
    )
    user = (said(host.docker.run_args, "--user", "-u") or [versions.image_user])[-1]
    files: dict[str, str] = {}
    environment = ray.environment(host, versions.ray, facts.system if kind != "docker" else "Linux")
    if kind == "docker":
        box = docker.Container(
            host=host,
            cluster=cluster,
            ray=versions.ray,
            image=versions.image or host.docker.image,
            user=user,
            node_ip=node_ip,
            temp_dir=folder,
            options=tuple(run_options(host, facts.engine, len(facts.gpus), shm_bytes(subject))),
            bridge=bridge,
            cpus=cpus,
            hostname=facts.hostname,
        )
        digest = _hash([docker.run_words(box, words, ""), token])
        network = "bridge" if bridge else "host"
        start = remembered(host, words, environment, box.options, image=subject.image, network=network)
        words = docker.run_words(box, words, digest)
    else:
        env_dir = f"{node_dir(facts.home, cluster)}/envs/{versions.env_id}"
        start = remembered(host, words, environment)
        if kind == "task":
            env_dir = env_dir.replace("/", "\\")
            files = task.files(facts.home, cluster, env_dir, environment, words, token=token)
        else:
            files = _posix_files(kind, subject, cluster, env_dir, environment, words, token)
        digest = _hash([files, kind, token])
    return Desired(
        name=host.name,
        role=host.role,
        kind=kind,
        node_ip=node_ip,
        head_address=head_address,
        versions=versions,
        hash=digest,
        words=tuple(words),
        token=token,
        temp_dir=folder,
        user=user if bridge else "",
        runs_as=user if kind == "docker" else "",
        files=files,
        start=start,
    )


def _posix_files(
    kind: str,
    subject: Subject,
    cluster: str,
    env_dir: str,
    environment: dict[str, str],
    words: list[str],
    token: bool,
) -> dict[str, str]:
    home = subject.facts.home
    name = subject.host.conda.env if subject.host.runtime == "conda" else ""
    return {
        "ENV_SH": service.env_sh(home, cluster, env_dir, environment, token=token, conda=name),
        "START_SH": service.start_sh(home, cluster, words),
        "UNIT_TEXT": _unit(kind, home, cluster, subject.facts.user),
        "LOOP_SH": service.loop_sh(home, cluster) if kind == "loop" else "",
    }


def _unit(kind: str, home: str, cluster: str, user: str) -> str:
    """What systemd or launchd reads."""
    if kind in ("system", "user"):
        return service.unit_text(home, cluster, user if kind == "system" else None)
    if kind in ("daemon", "agent"):
        return service.plist_text(home, cluster, user if kind == "daemon" else None)
    return ""


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def fingerprint(token: str) -> str:
    """Tells two tokens apart without giving either away."""
    return hashlib.sha256(b"rayfab token " + token.encode()).hexdigest()[:12] if token else ""
