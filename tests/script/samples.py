"""Made-up hosts and clusters that the tests of several layers share."""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from tasks import runtimes
from tasks.inventory import Cluster, Host, load
from tasks.node.desired import Desired, Versions
from tasks.node.facts import Facts, OwnFacts
from tasks.node.interfaces import Address
from tasks.node.subject import Subject
from tasks.node.supervisors import Start
from tasks.runtimes.conda.facts import CondaFacts
from tasks.runtimes.docker.facts import DockerFacts
from tasks.runtimes.uv.facts import UvFacts
from tasks.script.script import Script

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


OWN: dict[str, OwnFacts] = {
    "docker": DockerFacts(version="28.0.0"),
    "conda": CondaFacts(),
    "uv": UvFacts((("3.11.2", "/usr/bin/python3.11"),)),
}


# facts that one runtime or another asks for
OWN_NAMES = {one.name for own in OWN.values() for one in fields(own)}


def own_facts(before: OwnFacts, more: dict[str, Any]) -> OwnFacts:
    """The runtime's own facts with those in ``more``, out of which the own facts of every runtime are taken."""
    taken = {name: more.pop(name) for name in OWN_NAMES & set(more)}
    return replace(before, **{one.name: taken[one.name] for one in fields(before) if one.name in taken})


def facts(runtime: str = "uv", **more: Any) -> Facts:
    """What a plain Linux host with systemd and root says of itself; ``more`` may name own facts of runtimes, too."""
    own = own_facts(OWN[runtime], more)
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
        "tools": frozenset({"tar", "gzip", "systemctl"}),
        "systemd": True,
        "user_systemd": False,
        "sudo": None,
        "gpus": (),
        "state": None,
        "service": None,
        "active": False,
        "envs": frozenset(),
        "ports": frozenset({22}),
        "ray_processes": (),
        "os_release": {"VERSION_ID": "12", "VERSION_CODENAME": "bookworm"},
        "own": own,
    }
    unknown = set(more) - {one.name for one in fields(Facts)}
    assert not unknown, unknown
    return Facts(**{**known, **more})


def subject(role: str = "worker", *, text: str = UV, host_: Host | None = None, **more: Any) -> Subject:
    """A host of :data:`UV` and its facts, some of them replaced."""
    host_ = host_ or host(role, text)
    return Subject(host_, facts(host_.runtime, **more))


def with_facts(of: Subject, **more: Any) -> Subject:
    """The same host with other facts, its runtime's own ones included."""
    own = own_facts(of.facts.own, more)
    return replace(of, facts=replace(of.facts, own=own, **more))


def versions(env_id: str = "ray-2.52.0-py3.11.2-abc", **more: Any) -> Versions:
    known = {"ray": "2.52.0", "python": "3.11.2", "python_path": "/usr/bin/python3.11", "lock": LOCK}
    return Versions(**{**known, "env_id": env_id, **more})


def start(**more: Any) -> Start:
    """A node that runs on the host itself."""
    known = {"home": "/root", "cluster": "lab", "user": "root", "env_dir": "/env", "variables": {}}
    known |= more
    known.setdefault("node", f"{known['home']}/.rayfab/{known['cluster']}")
    return Start(**{**known, "arguments": ("ray", "start"), "token": False, **more})


def desired(of: Subject, **more: Any) -> Desired:
    """What ``of`` is to run in the cluster ``lab`` with its head at 10.0.0.1."""
    node_ip = "10.0.0.1" if of.host.role == "head" else "10.0.0.2"
    found = more.pop("versions", versions())
    return runtimes.of(of.host).desire(of, "lab", found, node_ip, "10.0.0.1:6379")


def up_script(
    host_: Host, cluster_: str, wanted: Desired, home: str, state: dict[str, Any], **more: Any
) -> Script:
    """The script that starts a node on that host."""
    return runtimes.of(host_).start_script(host_, cluster_, wanted, home, state, **more)
