"""lab-up, lab-status, lab-down."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    help={
        "hosts": "how many hosts; the first is the head (default 3)",
        "flavour": "what a host has: docker (default), python (no Docker), bare (no Python either)",
        "runtime": "runtime written into lab.yml: uv (default), docker or conda",
        "as_": "hosts as strangers have them: firewalled, nat, shared-home ...; --as list describes each",
        "registry": "also run a Docker registry with an image of real Ray as rayproject/ray-ml",
    },
)
def lab_up(
    c, hosts: int = 3, flavour: str = "docker", runtime: str = "uv", registry: bool = False, as_: str = ""
) -> None:
    """Boot real hosts on this machine and write lab.yml for them."""
    from tasks.actions import lab

    lab.up(hosts, flavour, runtime, registry=registry, kind=as_)


@options.task
def lab_status(c) -> None:
    """List the hosts of the lab, with their kind and state."""
    from tasks.actions import lab

    lab.status()


@options.task(help={"purge": "remove the images as well; the next lab-up then builds them again"})
def lab_down(c, purge: bool = False) -> None:
    """Remove the lab: hosts, disks, network and lab.yml."""
    from tasks.actions import lab

    lab.down(purge=purge)
