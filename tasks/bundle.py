"""bundle."""

from __future__ import annotations

import shlex
from pathlib import Path

from tasks import cli
from tasks.commandline import Mistake
from tasks.inventory.problems import shown
from tasks.phases import operation
from tasks.report import handover
from tasks.report.console import Console
from tasks.run.run import Run
from tasks.runtimes.packages.lock import SUBDIRS
from tasks.runtimes.packages.steps import bundle as phase


@cli.task(
    help={
        "hosts_file": cli.HOSTS_FILE,
        "output": "the file to write",
        "platform": "platforms to include, comma-separated (linux-64, linux-aarch64, osx-arm64, osx-64, win-64); "
        "default: the platforms of the hosts",
        "upgrade": cli.UPGRADE,
        "debug": cli.DEBUG,
    }
)
def bundle(c, output, hosts_file=None, platform=None, upgrade=False, debug=False):
    """
    Collect what conda hosts install into one file.

    Hosts without Internet are installed from it. It holds the installer, Python, every package and uv, each with its
    SHA-256, for every kind of system that the hosts file needs. Make it on a machine with Internet;
    fab deploy-cluster --bundle FILE needs nothing else then.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    platforms = [p.strip() for p in platform.split(",") if p.strip()] if platform else []
    if wrong := [p for p in platforms if p not in SUBDIRS.values()]:
        known = ", ".join(sorted(set(SUBDIRS.values())))
        raise Mistake(f"--platform: unknown platform {shown(wrong[0])}", f"one of: {known}")
    path = Path(output).expanduser()
    if not path.parent.is_dir():
        raise Mistake(f"--output: there is no folder {path.parent}", "create it, or choose another path")
    run = cli.make_run(cluster, console, "bundle", debug=debug, upgrade=upgrade, connects=not platforms)
    collect = phase.collect(path, platforms)
    asking = () if platforms else operation.BUNDLE
    cli.finish(run, (phase.check, *asking, collect), lambda run: made(run, path))


def made(run: Run, path: Path) -> None:
    """What to type where there is no Internet."""
    size = path.stat().st_size / 1e6
    run.console.ok(f"{path}", f"{size:.0f} MB")
    next_ = [(f"deploy-cluster --bundle {shlex.quote(str(path))}", "on a machine that can reach the hosts")]
    handover.commands(run.console, next_)
