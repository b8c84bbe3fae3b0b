"""What `fab pull-image` has besides the steps that get images: it needs a Docker host, and says what it got."""

from __future__ import annotations

from tasks.report import handover
from tasks.run.run import Run, Stop
from tasks.runtimes.docker.facts import docker_of, image_of
from tasks.runtimes.docker.image.state import short


def asked(run: Run) -> None:
    """Without a Docker host there is nothing that this could do."""
    if not any(n.host.runtime == "docker" for n in run.chosen):
        raise Stop("no host has runtime: docker", "runtime: docker in the hosts file", code=2)


def got(run: Run) -> None:
    """Which image is where now, a line each."""
    kinds: dict[tuple[str, str, str], list[str]] = {}
    changed = [n for n in run.chosen if n.did]
    for node in run.chosen:
        if node.facts and docker_of(node.facts).image and node.image_versions:
            ray, python, _ = node.image_versions
            kinds.setdefault(
                (image_of(node.subject), docker_of(node.facts).image, f"Ray {ray}, Python {python}"), []
            ).append(node.name)
    for (image, id_, versions), names in kinds.items():
        run.console.ok(f"{handover.hosts(len(names))}: {image}", f"{short(id_)}, {versions}")
    if not changed and not run.failed:
        run.console.ok("nothing was changed")
    if not run.failed:
        handover.commands(run.console, [("deploy-cluster", "start the cluster")])
