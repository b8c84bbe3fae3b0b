"""Steps of `fab pull-image`: check that there is something to pull, and print each host's image afterwards."""

from __future__ import annotations

from tasks.report import handover
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step
from tasks.runtimes.docker.facts import docker_of, image_of
from tasks.runtimes.docker.image.state import short


@step("See that there is a Docker host")
def need_docker_host(run: Run) -> None:
    if not any(node.host.runtime == "docker" for node in run.chosen()):
        raise Stop("no host has runtime: docker", "runtime: docker in the hosts file", code=2)


def got(run: Run) -> None:
    """Prints the image of each host, one line each."""
    kinds: dict[tuple[str, str, str], list[str]] = {}
    for node in run.chosen(Known):
        docker = docker_of(node.facts)
        if docker.image and docker.versions:
            ray, python, _ = docker.versions
            kind = image_of(node.subject), docker.image, f"Ray {ray}, Python {python}"
            kinds.setdefault(kind, []).append(node.name)
    for (image, id_, versions), names in kinds.items():
        run.console.ok(f"{handover.hosts(len(names))}: {image}", f"{short(id_)}, {versions}")
    if not run.record.done and not run.failed:
        run.console.ok("nothing was changed")
    if not run.failed:
        handover.commands(run.console, [("deploy-cluster", "start the cluster")])
