"""What other tools' files say about machines, as far as a hosts file can say it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


class Foreign(Exception):
    """The file cannot be taken over; the message says why."""


@dataclass
class Found:
    """The machines of a file.

    :param kind: what the file is.
    :param hosts: each with its other keys as in the hosts file; the head comes first.
    :param ssh: keys of ``ssh:``.
    :param sections: other keys of the whole cluster.
    :param notes: what was left out, and why.
    """

    kind: str
    hosts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ssh: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    runtime: str = ""
    notes: list[str] = field(default_factory=list)


def jump_of(words: str) -> str:
    """The jump host in options of ssh, such as ``-o ProxyCommand="ssh -W %h:%p me@bastion"``; '' if there is none."""
    found = re.search(r"ProxyJump[= ]\"?'?([^\s\"']+)|(?:^|\s)-J\s*([^\s\"']+)", words)
    if found:
        return found[1] or found[2]
    if "-W" not in words:
        return ""
    inner = re.search(r"ssh\s+(.*)", re.sub(r"[\"']", " ", words))
    rest = re.sub(r"-W\s*\S+|-[ioFlp]\s*\S+|-[A-Za-z]+", " ", inner[1] if inner else "").split()
    port = re.search(r"-p\s*(\d+)", inner[1] if inner else "")
    return rest[0] + (f":{port[1]}" if port else "") if rest else ""


def common(hosts: Iterable[tuple[str, dict[str, Any]]], keys: Iterable[str]) -> dict[str, Any]:
    """Takes the keys that all hosts have with the same value out of them."""
    every = [fields for _, fields in hosts]
    out = {}
    for key in keys:
        values = [fields.get(key) for fields in every]
        if every and values[0] is not None and all(value == values[0] for value in values):
            out[key] = values[0]
            for fields in every:
                del fields[key]
    return out


# keys of a `ray up` file that say how machines are made or set up, which a hosts file does not
_RAY_LEFT = ("file_mounts", "initialization_commands", "setup_commands", "head_setup_commands")
_RAY_LEFT += ("worker_setup_commands", "available_node_types", "cluster_synced_files")


def of_ray_up(config: Mapping[str, Any]) -> Found:
    """A configuration of ``ray up``.

    :raises Foreign: its machines are made by a cloud.
    """
    provider, auth = _map(config, "provider"), _map(config, "auth")
    if provider.get("type") != "local":
        kind = provider.get("type") or "unknown"
        raise Foreign(
            f"its machines are made by a provider ({kind}), so it names none: list them with --host"
        )
    found = Found("a configuration of ray up")
    head = provider.get("head_ip")
    if not head:
        raise Foreign("it has no provider.head_ip")
    addresses = [head, *(provider.get("worker_ips") or ())]
    found.hosts = [(str(address), {}) for address in dict.fromkeys(addresses)]
    if user := auth.get("ssh_user"):
        found.ssh["user"] = str(user)
    if key := auth.get("ssh_private_key"):
        found.ssh["key"] = str(key)
    if jump := jump_of(str(auth.get("ssh_proxy_command") or "")):
        found.ssh["jump"] = jump
    if name := config.get("cluster_name"):
        found.sections["cluster"] = str(name)
    container = _map(config, "docker")
    images = [str(container[key]) for key in ("image", "head_image", "worker_image") if container.get(key)]
    if images:
        found.runtime = "docker"
        section: dict[str, Any] = {"image": images[0]}
        run = [str(word) for one in container.get("run_options") or () for word in str(one).split()]
        for word in [w for w in run if w.startswith("--shm-size=")]:
            run.remove(word)
            section["shm_size"] = word.partition("=")[2].strip("'\"")
        if run:
            section["run_args"] = run
        found.sections["docker"] = section
        if len(set(images)) > 1:
            found.notes.append("head_image and worker_image differ: a host may have its own docker.image")
    left = [key for key in _RAY_LEFT if config.get(key)]
    if left:
        hint = "hooks: run scripts, fab sync copies files"
        found.notes.append(f"not taken over: {', '.join(left)} ({hint})")
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        if flags := _flags_of_start(config.get(key)):
            found.notes.append(f"not taken over: {key}: {flags} (ray.head_args, ray.worker_args)")
    return found


def _flags_of_start(lines: Any) -> str:
    """The flags of ``ray start`` beyond those that this tool sets itself."""
    own = r"--(head|address|port|autoscaling-config|object-manager-port)\b"
    words = [
        w for line in lines or () if "ray start" in str(line) for w in str(line).split("ray start")[1].split()
    ]
    return " ".join(word for word in words if word.startswith("--") and not re.match(own, word))


def _map(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key)
    return value if isinstance(value, Mapping) else {}
