"""lab-up and lab-down: create and remove test hosts on this machine."""

from __future__ import annotations

import os

from invoke import Context, Exit

from tasks import cli
from tasks.commandline import Mistake
from tasks.environment.home import user_folder
from tasks.inventory.problems import either, shown
from tasks.report.typed import as_typed, quote
from tasks.testbed import image
from tasks.testbed.engine import LabError, running, stop_engine
from tasks.testbed.hosts_file import hosts_file
from tasks.testbed.lab import Lab

FILE = user_folder() / "lab.yml"


@cli.task(
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
        raise Mistake(f"--runtime: expected uv, docker or conda, got {shown(runtime)}")
    if flavour not in image.FLAVOURS:
        raise Mistake(f"--flavour: expected {either(image.FLAVOURS)}, got {shown(flavour)}")
    if hosts < 1:
        raise Mistake(f"--hosts: expected 1 or more, got {hosts}")
    try:
        lab = Lab()
        before = [host.name for host in lab.hosts() if host.up]
        if registry:
            lab.start_registry()
        up = lab.up(hosts, flavour)
    except LabError as error:
        raise failed("lab-up", error) from None
    try:
        FILE.write_text(hosts_file(up, runtime=runtime))
    except OSError as error:
        raise failed("lab-up", f"{FILE} cannot be written: {error.strerror}") from None
    names = [host.name for host in up]
    print("the lab is up already:" if names == before else "the lab is up:")
    for host in up:
        print(f"  {host.name}  {host.address}")
    here = quote(os.path.relpath(FILE))
    print(as_typed(f"next: fab deploy-cluster --hosts-file {here}    (and fab lab-down when you are done)"))


def failed(task: str, why: object) -> Exit:
    """Print the error and exit with status 1."""
    return Exit(as_typed(f"✗ {task}: {why}"), 1)


@cli.task(help={"purge": "remove the images as well; the next lab-up then builds them again"})
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
        raise failed("lab-down", error) from None
    if not count and not removed:
        print("there is no lab")
        return
    print(f"removed {count} hosts" + (f" and {len(removed)} images" if purge else ""))
