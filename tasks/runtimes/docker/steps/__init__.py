"""What Docker adds to an operation: installing the engine, getting images."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.inventory import Host
from tasks.node.desired import Versions
from tasks.node.subject import Finding
from tasks.run.run import Node, Run
from tasks.runtimes import steps
from tasks.runtimes.docker.facts import docker_of, image_of
from tasks.runtimes.docker.image.scripts import image_script
from tasks.runtimes.docker.steps import engine, image_file, images
from tasks.script.script import Script


class Installation(steps.Installation):
    """The engine and the image are there before the plan, since the image holds the versions."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def scripts(self, node: Node) -> list[Script]:
        image = image_script(node.host, self.run.cluster.name, node.facts.arch, sudo=node.sudo)
        return [*([engine.script(self.run, node)] if engine.wanted(node) else []), image]


class DockerSteps(steps.Steps):
    """See :class:`tasks.runtimes.steps.Steps`."""

    preparing = (engine.run, images.run)
    installs = False

    def check(self, run: Run, *, installs: bool) -> None:
        if installs:
            image_file.check(run)

    def request_of(self, host: Host) -> str:
        # an image has no list of packages; what uv's section asks for counts where the cluster has uv's hosts too
        return steps.digest_of([host.ray.version, list(host.uv.packages), host.uv.python])

    def resolve(self, run: Run, nodes: Sequence[Node], settled: Sequence[Node]) -> list[Finding]:
        found = []
        for node in nodes:
            ray, python, user = node.image_versions or _guess(node)
            image = docker_of(node.facts).image or image_of(node.subject)
            node.versions = Versions(ray, python, image=image, image_user=user)
            asked = node.host.ray.version
            if asked and node.image_versions and ray != asked:
                message = f"ray.version is {asked}, but the image {node.host.docker.image} holds {ray}"
                found.append(
                    Finding(node.name, message, "choose an image with that version, or remove ray.version")
                )
        return found

    def installation(self, run: Run) -> Installation:
        return Installation(run)


def _guess(node: Node) -> tuple[str, str, str]:
    """Ray, Python and ``uid:gid``: while the image is not there, its tag alone can tell Ray's version."""
    found = re.search(r":(\d+\.\d+\.\d+)", image_of(node.subject))
    return (found.group(1) if found else node.host.ray.version or "", "", "")


STEPS = DockerSteps()
