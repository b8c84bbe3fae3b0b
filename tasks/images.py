"""pull-image."""

from __future__ import annotations

from tasks import cli
from tasks.phases import operation
from tasks.report import handover
from tasks.report.console import Console
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step
from tasks.runtimes.docker.image_state import short


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


@step("See that there is a Docker host")
def need_docker_host(run: Run) -> None:
    if not any(node.host.runtime == "docker" for node in run.chosen()):
        raise Stop("no host has runtime: docker", "runtime: docker in the hosts file", code=2)


def got(run: Run) -> None:
    """Which image is where now, a line each."""
    kinds: dict[tuple[str, str, str], list[str]] = {}
    for node in run.chosen(Known):
        if node.host.runtime == "docker" and node.facts.image and node.image_versions:
            ray, python, _ = node.image_versions
            kinds.setdefault(
                (node.subject.image, node.facts.image, f"Ray {ray}, Python {python}"), []
            ).append(node.name)
    for (image, id_, versions), names in kinds.items():
        run.console.ok(f"{handover.hosts(len(names))}: {image}", f"{short(id_)}, {versions}")
    if not run.record.done and not run.failed:
        run.console.ok("nothing was changed")
    if not run.failed:
        handover.commands(run.console, [("deploy-cluster", "start the cluster")])
