"""Names and paths that this project uses on a host; defined in one place, so that every script uses the same."""

from __future__ import annotations

DRAIN_SECONDS = 45  # longer than the 30 s that Ray itself drains after SIGTERM
IDLE_SECONDS = 600  # a host stops serving files to others after this many seconds without a request
RAY_DIR = "/tmp/ray"  # Ray's own folder as Ray sees it, on the host or in a container
SPILL_DIR = "/tmp/ray_spill"  # in a container: the folder for spilled objects, if the host has one for them


def unit(cluster: str) -> str:
    """The name of the service or container of this cluster's node on a host; lib.sh and lib.ps1 build the same name."""
    return f"rayfab-{cluster}"


def node_dir(home: str, cluster: str) -> str:
    """The folder of this cluster's files in a home folder.

    It is what the hosts share whose home is the same; :func:`tasks.node.homes.folder` is what is a host's own.
    """
    return f"{home.rstrip('/')}/.rayfab/{cluster}"


def authorities(node: str) -> str:
    """The file with the system's certificates and those of ``mirrors.ca``; ``sh/session.sh`` makes it.

    :param node: the host's own folder.
    """
    return f"{node}/ca.pem"


def basics(cluster: str) -> dict[str, str]:
    """The value that every script needs."""
    return {"CLUSTER": cluster}
