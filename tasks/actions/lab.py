"""What `fab lab-up` and `fab lab-down` do: real hosts on this machine, to try everything on."""

from __future__ import annotations

import os

from invoke import Exit

from tasks import runtimes
from tasks.commandline import Mistake
from tasks.environment.home import user_folder
from tasks.report.typed import as_typed
from tasks.testbed import image
from tasks.testbed.engine import LabError, running, stop_engine
from tasks.testbed.hosts_file import hosts_file
from tasks.testbed.lab import Lab
from tasks.text.quoting import printed
from tasks.text.wording import either, shown

FILE = user_folder() / "lab.yml"


def up(count: int, flavour: str, runtime: str, *, registry: bool) -> None:
    """Boots the hosts and writes lab.yml. :param count: how many hosts; for the others see ``fab lab-up --help``."""
    if runtime not in runtimes.NAMES:
        raise Mistake(f"--runtime: expected {either(runtimes.NAMES)}, got {shown(runtime)}")
    if flavour not in image.FLAVOURS:
        raise Mistake(f"--flavour: expected {either(image.FLAVOURS)}, got {shown(flavour)}")
    if count < 1:
        raise Mistake(f"--hosts: expected 1 or more, got {count}")
    try:
        lab = Lab()
        before = [host.name for host in lab.hosts() if host.up]
        if registry:
            lab.start_registry()
        hosts = lab.up(count, flavour)
    except LabError as error:
        raise failed("lab-up", error) from None
    try:
        FILE.write_text(hosts_file(hosts, runtime=runtime))
    except OSError as error:
        raise failed("lab-up", f"{FILE} cannot be written: {error.strerror}") from None
    names = [host.name for host in hosts]
    print("the lab is up already:" if names == before else "the lab is up:")
    for host in hosts:
        print(f"  {host.name}  {host.address}")
    here = printed(os.path.relpath(FILE))
    print(as_typed(f"next: fab deploy-cluster --hosts-file {here}    (and fab lab-down when you are done)"))


def failed(task: str, why: object) -> Exit:
    """Print the error and exit with status 1."""
    return Exit(as_typed(f"✗ {task}: {why}"), 1)


def down(*, purge: bool) -> None:
    """Removes the hosts and lab.yml. :param purge: the images too."""
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
