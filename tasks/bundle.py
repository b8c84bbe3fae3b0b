"""bundle."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    help={
        **options.COMMON,
        "output": "the file to write",
        "platform": "platforms to include, comma-separated (linux-64, linux-aarch64, osx-arm64, osx-64, win-64); "
        "default: the platforms of the hosts",
        "upgrade": options.UPGRADE,
    }
)
def bundle(c, output, hosts_file=None, platform=None, upgrade=False, debug=False):
    """
    Collect what hosts install into one file.

    Hosts without Internet are installed from it. It holds the installer, Python, every package and uv, each with its
    SHA-256, for every kind of system that the hosts file needs. Make it on a machine with Internet;
    fab deploy-cluster --bundle FILE needs nothing else then.
    """
    from pathlib import Path

    from tasks.actions import cli, summary
    from tasks.commandline import Mistake
    from tasks.node.platforms import CONDA
    from tasks.phases import operation
    from tasks.report.console import Console
    from tasks.runtimes.packages.steps.bundle import check_hosts, collect
    from tasks.text.wording import shown

    console = Console()
    cluster = cli.read(hosts_file, console)
    platforms = [p.strip() for p in platform.split(",") if p.strip()] if platform else []
    if wrong := [p for p in platforms if p not in CONDA]:
        raise Mistake(
            f"--platform: unknown platform {shown(wrong[0])}", f"one of: {', '.join(sorted(CONDA))}"
        )
    path = Path(output).expanduser()
    if not path.parent.is_dir():
        raise Mistake(f"--output: there is no folder {path.parent}", "create it, or choose another path")
    run = cli.make_run(cluster, console, "bundle", debug=debug, upgrade=upgrade, connects=not platforms)
    asking = () if platforms else operation.FACTS
    steps = (check_hosts, *asking, collect(path, platforms))
    cli.finish(run, steps, lambda run: summary.bundled(run, path))
