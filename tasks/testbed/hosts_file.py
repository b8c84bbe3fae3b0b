"""The hosts file that describes a lab."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tasks.testbed import keys
from tasks.testbed.host import LabHost


def hosts_file(
    hosts: Sequence[LabHost],
    cluster: str = "lab",
    runtime: str = "uv",
    ssh: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Text of a hosts.yml: the first host is the head, root logs in with the lab's key.

    ssh: other keys of its section.
    """
    head, *workers = [_host(host) for host in hosts]
    section = {"user": "root", "key": str(keys.login_key()), **ssh}
    lines = [
        f"cluster: {cluster}",
        f"runtime: {runtime}",
        "ssh:",
        *[
            f"  {key}: {json.dumps(value)}" if key != "user" else f"  user: {value}"
            for key, value in section.items()
        ],
        f"head: {head}",
        "workers:" if workers else "workers: []",
        *[f"  - {worker}" for worker in workers],
    ]
    return "\n".join(lines) + "\n"


def _host(host: LabHost) -> str:
    port = f", port: {host.port}" if host.port != 22 else ""
    return f"{{host: {host.address}, name: {host.name}{port}}}"
