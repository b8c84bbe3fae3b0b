"""Names and paths that this project uses on a host; one place, so that every script agrees."""

from __future__ import annotations

from tasks.inventory import Host

DRAIN_SECONDS = 45  # above Ray's own 30 s of draining after SIGTERM


def unit(cluster: str) -> str:
    """The name of the service or container of this cluster's node on a host."""
    return f"rayfab-{cluster}"


def node_dir(home: str, cluster: str) -> str:
    """Where this cluster's files lie on a host whose home folder is ``home``."""
    return f"{home.rstrip('/')}/.rayfab/{cluster}"


def basics(cluster: str) -> dict[str, str]:
    """The two values that every script needs."""
    return {"CLUSTER": cluster, "UNIT": unit(cluster)}


def temp_dir(host: Host) -> str:
    """Ray's own folder, seen from the host."""
    return "/tmp/ray"


__all__ = ["DRAIN_SECONDS", "basics", "node_dir", "temp_dir", "unit"]
