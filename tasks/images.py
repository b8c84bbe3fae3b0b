"""pull-image."""

from __future__ import annotations

from tasks import cli
from tasks.phases import operation
from tasks.report.console import Console
from tasks.runtimes.docker.steps.pulled import got, need_docker_host


@cli.task(
    name="pull-image",
    iterable=["limit"],
    help={"hosts_file": cli.HOSTS_FILE, "limit": cli.LIMIT, "debug": cli.DEBUG},
)
def pull_image(c, hosts_file=None, limit=None, debug=False):
    """
    Get the same image onto every Docker host; start nothing.

    It comes from where docker.image_source says: pull, seed or file. What was interrupted goes on where it stopped.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "pull-image", limit=limit, debug=debug, registry=True)
    cli.finish(run, (need_docker_host, *operation.PULL_IMAGE), got)
