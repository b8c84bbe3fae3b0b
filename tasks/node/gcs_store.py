"""Where the head keeps what Ray knows of the cluster (nodes, actors, placement groups, jobs): on disk, or in memory.

Ray's GCS keeps it in RocksDB, so that a head that comes back is the same head to everybody. Otherwise it is in memory
and ends with the head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tasks.inventory import Host
from tasks.inventory import ray_versions as versions
from tasks.node.places import IN_MEMORY
from tasks.script import files

KEPT, MEMORY = "kept", "memory"
PATIENCE = 600  # seconds for which workers wait for their head; Ray's own limit is 60
STORAGE, PATH = "RAY_gcs_storage", "RAY_gcs_storage_path"
WAITING = "RAY_gcs_rpc_server_reconnect_timeout_s"
IN_CONTAINER = "/var/lib/rayfab"  # where a container has the volume
# as in /proc/mounts and as stat -f prints them
NETWORK = ("nfs", "cifs", "smb", "9p", "v9fs", "afs", "ceph", "lustre", "gpfs", "beegfs", "fuse.", "fuseblk")
CLEARED = ("/tmp/", "/var/tmp/", "/run/", "/dev/shm/")


@dataclass(frozen=True)
class Place:
    """A folder for the state. :param kind: of its file system, as in ``ext4``; '' if unknown."""

    path: str
    kind: str


@dataclass(frozen=True)
class HeadState:
    """Whether the head's state is kept. :param why: the reason if it is in memory."""

    kept: bool
    why: str = ""

    def __str__(self) -> str:
        return "kept on disk" if self.kept else f"in memory: {self.why}"


def obstacle(host: Host, ray: str, system: str, place: Place, *, shared_home: bool = False) -> str:
    """Why this head cannot keep its state; '' if it can.

    :param system: the host's own.
    :param shared_home: other hosts have the same home.
    """
    own = [name for name in (STORAGE, PATH, "RAY_REDIS_ADDRESS") if name in host.ray.env]
    if not versions.keeps_head_state(ray):
        return f"Ray {ray} cannot keep it; 2.57 and newer can"
    if own:
        return f"ray.env sets {own[0]}"
    if system != "Linux":
        return "Ray keeps it on Linux only"
    if place.path.startswith(CLEARED):
        return f"{place.path} may be cleared"
    if not place.kind:
        return f"the file system of {place.path} is unknown"
    if place.kind in IN_MEMORY:
        return f"{place.path} is in memory ({place.kind})"
    if shared_home or place.kind.startswith(NETWORK):
        return f"{place.path} is not a disk of its own" + ("" if shared_home else f" ({place.kind})")
    return ""


def decide(host: Host, why_not: str) -> HeadState:
    """What the hosts file asks for, where it can be. :param why_not: see :func:`obstacle`."""
    if host.ray.state == MEMORY:
        return HeadState(False, "ray.state: memory")
    return HeadState(not why_not, why_not)


def decided(host: Host, state: HeadState) -> Host:
    """The host with the decision for its cluster in place of what the file says."""
    ray = host.ray.model_copy(update={"state": KEPT if state.kept else MEMORY})
    return host.model_copy(update={"ray": ray})


def is_kept_by(host: Host, ray: str) -> bool:
    """Whether this node is a head that keeps its state; the plan has decided it."""
    return host.role == "head" and host.ray.state == KEPT and versions.keeps_head_state(ray)


def variables(host: Host, ray: str, folder: str) -> dict[str, str]:
    """The environment variables of a node in a cluster whose head keeps its state.

    :param folder: the head's, as Ray sees it.
    """
    if host.ray.state != KEPT or not versions.keeps_head_state(ray):
        return {}
    if host.role == "head":
        return {STORAGE: "rocksdb", PATH: f"{folder}/gcs"}
    return {WAITING: str(PATIENCE)}


@cache
def entry(pack: Callable[[str], str] = str) -> tuple[str, ...]:
    """The words before `ray start` for a head that keeps its state. :param pack: how the program is written.

    The text is part of the node's hash: any change to it, even in a comment, restarts nodes at the next deploy.
    """
    return ("python", "-c", pack(files.text("drivers", "head")))


def belongs_to(kind: str, ray: str, user: str = "") -> str:
    """What may read a store: the same version of Ray, in the same way. :param user: ``uid:gid`` in a container."""
    return " ".join(word for word in (kind, ray, user) if word)


def survives(before: Mapping[str, Any], desired: Any) -> bool:
    """Whether a restart of the head keeps the cluster: the state that it wrote is the one that it will read.

    :param before: what the head remembers of its last start.
    :param desired: the :class:`~tasks.node.desired.Desired` node of the head.
    """
    now = desired.state("", "")
    same = ("head_state", "store", "head", "service", "ray")
    kept = isinstance(before.get("head_state"), Mapping) and before["head_state"].get("kept") is True
    return kept and all(before.get(key) == now.get(key) for key in same)


@dataclass(frozen=True)
class Store:
    """What a host says of a store. :param since: seconds since 1970. :param size: bytes. :param aside: a folder."""

    since: int | None = None
    size: int | None = None
    aside: str = ""


def parse_store(lines: Sequence[str]) -> Store | None:
    """``since SECONDS``, ``size KIB``, ``aside FOLDER`` -> the store; None if there is none."""
    found = dict(line.strip().partition(" ")[::2] for line in lines)
    since, size = found.get("since", ""), found.get("size", "").split()[:1]
    if not since.isdigit() and not found.get("aside"):
        return None
    return Store(
        int(since) if since.isdigit() else None,
        int(size[0]) * 1024 if size and size[0].isdigit() else None,
        found.get("aside", ""),
    )
