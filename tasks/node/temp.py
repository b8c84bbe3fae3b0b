"""Ray's own folder on a host: for its sessions with their logs and sockets, and for spilled objects."""

from __future__ import annotations

from tasks.inventory import Host
from tasks.node.names import RAY_DIR, node_dir

# session_2026-11-27_01-02-03_123456_4194304/sockets/plasma_store
IN_IT = len("/session_") + 26 + len("_4194304/sockets/plasma_store")
LONGEST = {"Darwin": 103 - IN_IT}  # bytes; sockets have names of at most 107 bytes, on a Mac of 103
LONGEST_ELSEWHERE = 107 - IN_IT


def temp_dir(host: Host, home: str, default: str = RAY_DIR) -> str:
    """``ray.temp_dir`` as the host sees it.

    :param default: the folder if the hosts file names none.
    """
    given = host.ray.temp_dir or default
    return home.rstrip("/") + given[1:] if given.startswith("~/") else given


def longest(system: str) -> int:
    """How many bytes the path may have, so that the names of the sockets in it are short enough."""
    return LONGEST.get(system, LONGEST_ELSEWHERE)


def for_tools(folder: str, home: str, cluster: str) -> dict[str, str]:
    """The variable by which Ray's own tools find the node: they look for a folder named ray in it."""
    if folder == RAY_DIR:
        return {}
    above, _, name = folder.rpartition("/")
    return {"RAY_TMPDIR": above if name == "ray" else f"{node_dir(home, cluster)}/tools"}
