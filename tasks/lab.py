"""lab-up and lab-down: real hosts on this machine, to try everything on."""

from __future__ import annotations

from invoke import Context, Exit, task

from tasks.report.console import program
from tasks.testbed import image
from tasks.testbed.engine import ROOT, LabError, running, stop_engine
from tasks.testbed.hosts_file import hosts_file
from tasks.testbed.lab import Lab

FILE = ROOT / "lab.yml"


@task(
    auto_shortflags=False,
    help={
        "hosts": "how many hosts; the first is the head (default 3)",
        "flavour": "what a host has: docker (default), python (no Docker), bare (no Python either)",
        "runtime": "runtime written into lab.yml: uv (default), docker or conda",
        "registry": "also run a Docker registry with an image of real Ray as rayproject/ray-ml",
    },
)
def lab_up(
    c: Context, hosts: int = 3, flavour: str = "docker", runtime: str = "uv", registry: bool = False
) -> None:
    """Boot real hosts on this machine and write lab.yml for them."""
    if runtime not in ("uv", "docker", "conda"):
        raise Exit(f"--runtime: expected uv, docker or conda, got {runtime}", 2)
    if hosts < 1:
        raise Exit(f"--hosts: expected 1 or more, got {hosts}", 2)
    try:
        lab = Lab()
        before = [host.name for host in lab.hosts() if host.up]
        if registry:
            lab.start_registry()
        up = lab.up(hosts, flavour)
    except LabError as error:
        raise Exit(f"lab-up: {error}", 1) from None
    FILE.write_text(hosts_file(up, runtime=runtime))
    names = [host.name for host in up]
    print("the lab is up already:" if names == before else "the lab is up:")
    for host in up:
        print(f"  {host.name}  {host.address}")
    print(
        f"next: {program()} deploy-cluster --hosts-file lab.yml    (and {program()} lab-down when you are done)"
    )


@task(
    auto_shortflags=False, help={"purge": "remove the images as well; the next lab-up then builds them again"}
)
def lab_down(c: Context, purge: bool = False) -> None:
    """Remove the lab: hosts, disks, network and lab.yml."""
    try:
        if not running() and not FILE.exists():
            print("there is no lab")
            return
        count = Lab().down()
        FILE.unlink(missing_ok=True)
        removed = image.purge() if purge else []
        stop_engine(print)
    except LabError as error:
        raise Exit(f"lab-down: {error}", 1) from None
    if not count and not removed:
        print("there is no lab")
        return
    print(f"removed {count} hosts" + (f" and {len(removed)} images" if purge else ""))
