"""Ray's own folder on a host: for its sessions with their logs and sockets, and for spilled objects."""

from __future__ import annotations

import re

from tasks.inventory import Host
from tasks.inventory.ray_versions import has_own_spill_dir
from tasks.node.names import RAY_DIR, unit

# session_2026-11-27_01-02-03_123456_4194304/sockets/plasma_store
IN_IT = len("/session_") + 26 + len("_4194304/sockets/plasma_store")
LONGEST = {"Darwin": 103 - IN_IT}  # bytes; sockets have names of at most 107 bytes, on a Mac of 103
LONGEST_ELSEWHERE = 107 - IN_IT


def temp_dir(host: Host, home: str, default: str = RAY_DIR) -> str:
    """``ray.temp_dir`` as the host sees it.

    :param default: the folder if the hosts file names none.
    """
    return _of_home(host.ray.temp_dir or default, home)


def _of_home(folder: str, home: str) -> str:
    return home.rstrip("/") + folder[1:] if folder.startswith("~/") else folder


def spill_dir(host: Host, home: str, cluster: str, ray: str) -> str:
    """This node's own folder in ``ray.spill_dir``, as the host sees it; '' for none.

    Other clusters and hosts may have theirs in the same folder, so that all in this one is the node's.

    :param ray: the version that will run; one that does not support it has none.
    """
    if not host.ray.spill_dir or not has_own_spill_dir(ray):
        return ""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", host.name)
    return f"{_of_home(host.ray.spill_dir, home)}/{unit(cluster)}/{name}"


def longest(system: str) -> int:
    """How many bytes the path may have, so that the names of the sockets in it are short enough."""
    return LONGEST.get(system, LONGEST_ELSEWHERE)


def for_tools(folder: str, node: str) -> dict[str, str]:
    """The variable by which Ray's own tools find the node: they look for a folder named ray in it.

    :param node: the folder of this node's files.
    """
    if folder == RAY_DIR:
        return {}
    above, _, name = folder.rpartition("/")
    return {"RAY_TMPDIR": above if name == "ray" else f"{node}/tools"}
