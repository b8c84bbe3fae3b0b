"""Names and paths that this project uses on a host; one place, so that every script agrees."""

from __future__ import annotations

DRAIN_SECONDS = 45  # above Ray's own 30 s of draining after SIGTERM
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


def temp_dir(home: str, *, bridge: bool) -> str:
    """Ray's own folder, seen from the host; a node on a bridge keeps it in the user's home, as in the recipe."""
    folder = f"{home.rstrip('/')}/tmp/ray" if bridge else RAY_DIR
    # C:/Users/me is a home on Windows, where Docker's command wants its own kind of path
    return folder.replace("/", "\\") if folder[1:2] == ":" else folder
