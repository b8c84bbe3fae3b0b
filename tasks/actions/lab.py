"""What `fab lab-up` and `fab lab-down` do: real hosts on this machine, to try everything on."""

from __future__ import annotations

import os

from invoke import Exit

from tasks import runtimes
from tasks.commandline import Mistake
from tasks.environment.home import user_folder
from tasks.language import said
from tasks.report.console import Console
from tasks.report.typed import as_typed
from tasks.testbed import image, kinds
from tasks.testbed.engine import LabError, running, stop_engine
from tasks.testbed.hosts_file import hosts_file
from tasks.testbed.lab import Lab
from tasks.text.quoting import printed
from tasks.text.wording import counted, did_you_mean, either, shown

FILE = user_folder() / "lab.yml"


def up(count: int, flavour: str, runtime: str, *, registry: bool, kind: str = "") -> None:
    """Boots the hosts and writes lab.yml.

    :param count: how many hosts; for the others see ``fab lab-up --help``.
    :param kind: of tasks/testbed/kinds.py; ``list`` prints them, and nothing is booted.
    """
    if kind == "list":
        print(kinds.described())
        return
    if kind and kind not in kinds.KINDS:
        near = did_you_mean(kind, kinds.KINDS)
        raise Mistake(f"--as: there is no kind {shown(kind)}{near}", "fab lab-up --as list describes each")
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
        hosts = lab.up(count, flavour, kind)
    except LabError as error:
        raise failed("lab-up", error) from None
    try:
        FILE.write_text(hosts_file(hosts, runtime=runtime, ssh=kinds.KINDS[kind].ssh if kind else {}))
    except OSError as error:
        raise failed("lab-up", f"{FILE} cannot be written: {error.strerror}") from None
    names = [host.name for host in hosts]
    print(said("the lab is up already:" if names == before else "the lab is up:"))
    for host in hosts:
        print(f"  {host.name}  {host.address}")
    if kind:
        print(f"each is {kind}: {kinds.KINDS[kind].what}")
    here = printed(os.path.relpath(FILE))
    print(as_typed(f"next: fab deploy-cluster --hosts-file {here}    (and fab lab-down when you are done)"))


def status() -> None:
    """Prints a line for each host; exit status 1 if there is no lab."""
    try:
        hosts = Lab().hosts() if running() else []
    except LabError as error:
        raise failed("lab-status", error) from None
    if not hosts:
        raise Exit(as_typed("✗ there is no lab\n  → fab lab-up boots one"), 1)
    rows = [(h.name, h.address, h.flavour, h.kind or "-", "runs" if h.up else "stopped") for h in hosts]
    Console().table(("host", "address", "flavour", "kind", "state"), rows)


def failed(task: str, why: object) -> Exit:
    """Print the error and exit with status 1."""
    return Exit(as_typed(f"✗ {task}: {why}"), 1)


def down(*, purge: bool) -> None:
    """Removes the hosts and lab.yml. :param purge: the images too."""
    try:
        if not running() and not FILE.exists():
            print(said("there is no lab"))
            return
        count = Lab().down()
        FILE.unlink(missing_ok=True)
        removed = image.purge() if purge else []
        stop_engine(print)
    except LabError as error:
        raise failed("lab-down", error) from None
    if not count and not removed:
        print(said("there is no lab"))
        return
    print(
        said(
            f"removed {counted(count, 'host')}" + (f" and {counted(len(removed), 'image')}" if purge else "")
        )
    )
