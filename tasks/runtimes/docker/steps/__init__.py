"""The steps that Docker adds to an operation: installing the engine, getting images."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from tasks.inventory import Host
from tasks.node.desired import Versions
from tasks.node.subject import Finding
from tasks.run.run import Run
from tasks.run.stages import Known, Planned, Resolved
from tasks.runtimes import steps
from tasks.runtimes.docker.facts import docker_of, image_of
from tasks.runtimes.docker.image.scripts import image_script
from tasks.runtimes.docker.steps import engine, image_file, images
from tasks.runtimes.packages.part import Part
from tasks.script.script import Script


class Installation(steps.Installation):
    """Installs nothing: engine and image are installed before the plan, since the image determines the versions."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def scripts(self, node: Planned) -> list[Script]:
        image = image_script(node.host, self.run.cluster.name, node.facts.arch, sudo=node.sudo)
        return [*([engine.script(self.run, node)] if engine.lacks_docker(node) else []), image]


class DockerSteps(steps.Steps):
    """See :class:`tasks.runtimes.steps.Steps`."""

    preparing = (engine.install_docker, images.find_images, images.get_images, images.compare_images)
    installs = False

    def check(self, run: Run, *, installs: bool) -> None:
        if installs:
            image_file.check_archives(run)

    def images_in(self, path: Path) -> list[tuple[str, str]]:
        return image_file.holds(Part(path))

    def lacking_images(self, run: Run, there: Collection[tuple[str, str]]) -> list[str]:
        wanted = [image_file.wanted(node) for node in images.containers(run) if not image_file.path_of(node)]
        return [f"{name} for {arch}" for name, arch in dict.fromkeys(wanted) if (name, arch) not in there]

    def request_of(self, host: Host) -> str:
        # an image has no list of packages; uv's request counts if the cluster has uv hosts too
        return steps.digest_of([host.ray.version, list(host.uv.packages), host.uv.python])

    def resolve(
        self, run: Run, nodes: Sequence[Known], settled: Sequence[Resolved]
    ) -> tuple[list[Resolved], list[Finding]]:
        resolved, found = [], []
        for node in nodes:
            docker = docker_of(node.facts)
            ray, python, user = docker.versions or _guess(node)
            image = docker.image or image_of(node.subject)
            resolved.append(node.resolved(Versions(ray, python, image=image, image_user=user)))
            asked = node.host.ray.version
            if asked and docker.versions and ray != asked:
                message = f"ray.version is {asked}, but the image {node.host.docker.image} holds {ray}"
                found.append(
                    Finding(node.name, message, "choose an image with that version, or remove ray.version")
                )
        return resolved, found

    def installation(self, run: Run) -> Installation:
        return Installation(run)


def _guess(node: Known) -> tuple[str, str, str]:
    """Ray, Python and ``uid:gid``. While the image is missing, Ray's version is guessed from its tag."""
    found = re.search(r":(\d+\.\d+\.\d+)", image_of(node.subject))
    return (found.group(1) if found else node.host.ray.version or "", "", "")


STEPS = DockerSteps()
