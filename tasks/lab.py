"""lab-up, lab-down."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    help={
        "hosts": "how many hosts; the first is the head (default 3)",
        "flavour": "what a host has: docker (default), python (no Docker), bare (no Python either)",
        "runtime": "runtime written into lab.yml: uv (default), docker or conda",
        "registry": "also run a Docker registry with an image of real Ray as rayproject/ray-ml",
    },
)
def lab_up(c, hosts: int = 3, flavour: str = "docker", runtime: str = "uv", registry: bool = False) -> None:
    """Boot real hosts on this machine and write lab.yml for them."""
    from tasks.actions import lab

    lab.up(hosts, flavour, runtime, registry=registry)


@options.task(help={"purge": "remove the images as well; the next lab-up then builds them again"})
def lab_down(c, purge: bool = False) -> None:
    """Remove the lab: hosts, disks, network and lab.yml."""
    from tasks.actions import lab

    lab.down(purge=purge)
