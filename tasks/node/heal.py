"""How a node is started under its watch, ``drivers/watch.py`` or ``drivers/watch_windows.py``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

from tasks.inventory import Host
from tasks.node.addresses import join
from tasks.node.dashboard import answers_at
from tasks.script import files


@cache
def program() -> str:
    """The watch itself. The text is part of a node's hash: any change to it restarts nodes at the next deploy."""
    return files.text("drivers", "watch")


@cache
def program_for_windows() -> str:
    """The same for Windows."""
    return files.text("drivers", "watch_windows")


def watch_words(
    host: Host, file: str, node_ip: str, head_address: str, start_arguments: Sequence[str], *, box: str = ""
) -> list[str]:
    """The arguments of the watch: what it needs to know as JSON, then ``ray start`` with its own.

    :param file: where it writes what it knows, as it sees it.
    :param box: a file that it makes within a container, so that it knows a new one; '' on the host itself.
    """
    head = host.role == "head"
    told = {
        "file": file,
        "box": box,
        "gcs": head_address,
        "agent": join(node_ip, host.ray.ports.dashboard_agent_listen),
        "dashboard": join(answers_at(host.ray.dashboard_host)[0], host.ray.dashboard_port) if head else "",
        "head": head,
        "heal": host.ray.heal,
    }
    return [json.dumps(told, sort_keys=True), *start_arguments, "--block"]
