"""What a host reports about Docker: its engine, the image, and the container from an earlier deploy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tasks.inventory import Host
from tasks.node.facts import Facts, OwnFacts, Questions
from tasks.node.subject import Subject
from tasks.runtimes.docker.engine.facts import EngineFacts, parse_engine
from tasks.runtimes.docker.image.names import for_arch, identities
from tasks.runtimes.docker.image.scripts import image_values


@dataclass(frozen=True)
class DockerFacts(OwnFacts):
    """Docker on one host.

    :param version: the engine's version; None if no engine answers.
    :param problem: why no engine answers: missing, stopped, denied, podman or windows.
    :param says: the output of the command that could not reach the engine.
    :param app: the application that provides the engine on a Mac.
    :param image: id of the image; None if it is not on the host.
    :param image_ids: all identities of the image; two hosts that share one have the same image.
    :param image_platform: as in ``linux/amd64``.
    :param versions: Ray, Python and ``uid:gid`` of the image; None if not read yet.
    :param container: id of this cluster's container.
    :param up: seconds since that container started, as exact as the engine says it; None if unknown.
    """

    version: str | None = None
    problem: str | None = None
    says: str = ""
    app: str = ""
    image: str | None = None
    image_ids: frozenset[str] = frozenset()
    image_platform: str | None = None
    versions: tuple[str, str, str] | None = None
    container: str | None = None
    up: int | None = None
    engine: EngineFacts = field(default=EngineFacts())

    @property
    def cpus(self) -> int | None:
        """CPUs of the machine that the engine runs in; with Docker Desktop it is a virtual machine."""
        return self.engine.cpus

    @property
    def memory(self) -> int | None:
        """Bytes of memory of that machine."""
        return self.engine.memory

    def with_image(self, about: str, versions: str = "") -> DockerFacts:
        """The same facts with another image, from the line that describes it; without one if the line is empty.

        :param versions: Ray, Python and ``uid:gid`` of the image; empty: the known ones are kept.
        """
        image, platform, ids = identities(about)
        found = versions.split()
        known = (found[0], found[1], found[2]) if len(found) == 3 else self.versions
        return replace(
            self, image=image or None, image_platform=platform or None, image_ids=ids, versions=known
        )


def questions(host: Host) -> Questions:
    """Docker's part of the facts script."""
    return Questions(("docker_info",), image_values(host))


def parse(values: Mapping[str, Sequence[str]], texts: Mapping[str, Sequence[str]]) -> DockerFacts:
    """Parses the answer of ``docker_info.sh``."""

    def one(key: str) -> str:
        return (values.get(key) or [""])[-1].strip()

    container, _, about = (texts.get("container") or [""])[0].partition(" ")
    found = DockerFacts(
        version=one("docker") or None,
        problem=one("docker_problem") or None,
        says=one("docker_says"),
        app=one("docker_app"),
        container=container or None,
        up=_seconds_up(about),
        engine=parse_engine(values, texts),
    )
    return found.with_image((texts.get("image") or [""])[0], one("image_versions"))


_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def _seconds_up(about: str) -> int | None:
    """``rayproject/ray Up 12 seconds`` -> 12; ``Up About a minute`` -> 60; longer than weeks counts as weeks."""
    got = re.search(r" Up (?:About )?(Less than a|an?|\d+) (second|minute|hour|day|week|month|year)", about)
    if not got:
        return None
    count = {"Less than a": 0, "a": 1, "an": 1}.get(got.group(1))
    return (int(got.group(1)) if count is None else count) * _UNITS.get(got.group(2), _UNITS["week"])


def docker_of(facts: Facts) -> DockerFacts:
    """Docker's part of a host's facts; empty if the host has another runtime."""
    return facts.own if isinstance(facts.own, DockerFacts) else DockerFacts()


def after_install(
    facts: Facts, values: Mapping[str, Sequence[str]], texts: Mapping[str, Sequence[str]]
) -> Facts:
    """The facts after Docker was installed on the host.

    :param values: the new answer to the same questions.
    """
    now = parse(values, texts)
    # the installation's answer does not include NVIDIA's hook
    engine = replace(now.engine, hook=docker_of(facts).engine.hook)
    return replace(facts, own=replace(now, engine=engine))


def with_image(facts: Facts, about: str, versions: str = "") -> Facts:
    """The facts with another image, see :meth:`DockerFacts.with_image`."""
    return replace(facts, own=docker_of(facts).with_image(about, versions))


def image_of(subject: Subject) -> str:
    """The image's name, with the tag for this host's architecture."""
    return for_arch(subject.host.docker.image, subject.facts.arch)
