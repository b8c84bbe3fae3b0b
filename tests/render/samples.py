"""Made-up hosts and clusters that the tests of several layers share."""

from __future__ import annotations

import tempfile
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from tasks.inventory import Cluster, Host, load
from tasks.node.facts import Address, Facts
from tasks.node.subject import Subject
from tasks.plan.desired import Desired, Versions, desire

UV = """
cluster: lab
runtime: uv
ray: {version: "2.52.0"}
head: {host: 10.0.0.1, name: head}
workers:
  - {host: 10.0.0.2, name: one, cpus: 4, gpus: 0, memory: 2gb, resources: {ssd: 1}, labels: {zone: a}}
  - {host: 10.0.0.3, name: two}
"""
DOCKER = UV.replace("runtime: uv", "runtime: docker\ndocker: {image: 'rayproject/ray:2.52.0', shm_size: 2gb}")

CONDA = UV.replace(
    "runtime: uv", "runtime: conda\nconda: {python: '3.7.16', prefix: ~/conda, accept_terms: true}"
)

# values that do harm where a script does not quote them
WORST = [
    "",
    " ",
    "\n",
    " leading and trailing ",
    "line one\nline two\n",
    "-n",
    "--help",
    "-e \\c",
    "$(touch ran)",
    "`touch ran`",
    "'; touch ran; '",
    '"; touch ran; "',
    "\\'; touch ran #",
    "a ; }",
    "}; touch ran; {",
    "x\ntouch ran\n",
    "EOF\ntouch ran",
    "$HOME ${PATH} $$ $?",
    "%s %d %n \\0 \\x41",
    "!history",
    "*",
    "~root",
    "a=b",
    "&& touch ran",
    "| touch ran",
    "> ran",
    "中文 主机 ñ é 🙂",
    "tab\there",
    "\\",
    "'",
    '"',
    "#",
]

LOCK = "ray[default]==2.52.0\nclick==8.1.8\n"


@cache
def cluster(text: str = UV) -> Cluster:
    """The cluster that a hosts file of this text describes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hosts.yml"
        path.write_text(text, "utf-8")
        return load(path)


def host(role: str = "worker", text: str = UV, **more: Any) -> Host:
    """The head, or the first worker, with some of its fields replaced (unchecked)."""
    found = cluster(text)
    return (found.head if role == "head" else found.workers[0]).model_copy(update=more)


def facts(**more: Any) -> Facts:
    """What a plain Linux host with systemd and root says of itself."""
    known: dict[str, Any] = {
        "system": "Linux",
        "arch": "x86_64",
        "hostname": "node",
        "user": "root",
        "uid": 0,
        "home": "/root",
        "ssh_server_ip": None,
        "clock": 1_800_000_000,
        "os_id": "debian",
        "cpus": 4,
        "memory": 8 << 30,
        "machine_id": "m-1",
        "boot_id": "b-1",
        "libc": "glibc 2.36",
        "addresses": (Address("lo", "127.0.0.1", 8), Address("eth0", "10.0.0.1", 24)),
        "default_interface": "eth0",
        "disk_free": {"/": 50 << 30},
        "home_writable": True,
        "tmp_writable": True,
        "tmp_ray_foreign": False,
        "tools": frozenset({"tar", "gzip", "systemctl"}),
        "systemd": True,
        "user_systemd": False,
        "sudo": None,
        "gpus": (),
        "pythons": (("3.11.2", "/usr/bin/python3.11"),),
        "state": None,
        "service": None,
        "active": False,
        "envs": frozenset(),
        "docker": "28.0.0",
        "docker_problem": None,
        "docker_says": "",
        "image": None,
        "image_ids": frozenset(),
        "image_platform": None,
        "container": None,
        "container_image": None,
        "ports": frozenset({22}),
        "ray_processes": (),
        "os_release": {"VERSION_ID": "12", "VERSION_CODENAME": "bookworm"},
    }
    unknown = set(more) - {one.name for one in fields(Facts)}
    assert not unknown, unknown
    return Facts(**{**known, **more})


def subject(role: str = "worker", *, text: str = UV, host_: Host | None = None, **more: Any) -> Subject:
    """A host of :data:`UV` and its facts, some of them replaced."""
    return Subject(host_ or host(role, text), facts(**more))


def versions(env_id: str = "ray-2.52.0-py3.11.2-abc", **more: Any) -> Versions:
    known = {"ray": "2.52.0", "python": "3.11.2", "python_path": "/usr/bin/python3.11", "lock": LOCK}
    return Versions(**{**known, "env_id": env_id, **more})


def desired(of: Subject, **more: Any) -> Desired:
    """What ``of`` shall run in the cluster ``lab`` with its head at 10.0.0.1."""
    node_ip = "10.0.0.1" if of.host.role == "head" else "10.0.0.2"
    return desire(of, "lab", more.pop("versions", versions()), node_ip, "10.0.0.1:6379")
