"""`docker run` for a node on the host's own network, as in the recipe."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.inventory import Host

from . import ray
from .names import DRAIN_SECONDS, temp_dir, unit


def run_words(
    host: Host,
    cluster: str,
    image: str,
    start_words: Sequence[str],
    hash_: str,
    shm_bytes: int | None,
    ray_version: str,
) -> list[str]:
    """The words after ``docker run --env-file FILE``: options, image, and Ray as the container's command.

    :param image: name or id; an id is what was checked.
    :param shm_bytes: /dev/shm of the container; None leaves it to ``docker.shm_size``.
    """
    environment = ray.environment(host, ray_version)
    out = ["--detach", "--name", unit(cluster)]
    out += ["--network=host", "--init", f"--shm-size={shm_bytes or host.docker.shm_size.bytes}"]
    out += ["--volume", f"{temp_dir(host)}:/tmp/ray"]
    out += ["--restart", "unless-stopped", "--stop-timeout", str(DRAIN_SECONDS)]
    out += ["--log-opt", "max-size=20m", "--log-opt", "max-file=3"]
    out += ["--label", f"rayfab.cluster={cluster}", "--label", f"rayfab.hash={hash_}"]
    for name, value in environment.items():
        out += ["--env", f"{name}={value}"]
    if host.gpus:
        out += ["--gpus", str(host.gpus)]
    return [*out, *host.docker.run_args, image, *start_words, "--block"]
