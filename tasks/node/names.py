"""Names and paths that this project uses on a host; one place, so that every script agrees."""

from __future__ import annotations

DRAIN_SECONDS = 45  # above Ray's own 30 s of draining after SIGTERM
IDLE_SECONDS = 600  # a host that serves files to others ends after that long without a request
RAY_DIR = "/tmp/ray"  # Ray's own folder as Ray sees it, in a container too


def unit(cluster: str) -> str:
    """The name of the service or container of this cluster's node on a host; lib.sh and lib.ps1 make the same."""
    return f"rayfab-{cluster}"


def node_dir(home: str, cluster: str) -> str:
    """Where this cluster's files lie on a host whose home folder is ``home``."""
    return f"{home.rstrip('/')}/.rayfab/{cluster}"


def basics(cluster: str) -> dict[str, str]:
    """The value that every script needs."""
    return {"CLUSTER": cluster}
