"""A host together with what it said of itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasks.inventory import Host
from tasks.node.facts import Facts
from tasks.runtimes.docker.image_names import for_arch, identities


@dataclass(frozen=True)
class Subject:
    """One host of the cluster whose facts are known."""

    host: Host
    facts: Facts

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def state(self) -> dict:
        """What a former deploy left there; empty if none did."""
        return self.facts.state or {}

    @property
    def cpus(self) -> int | None:
        """CPUs that the node can use: in a container, those of the machine that the engine runs in."""
        return (self.facts.engine.cpus if self.in_container else None) or self.facts.cpus

    @property
    def memory(self) -> int | None:
        """Bytes that the node can use, as for :attr:`cpus`."""
        return (self.facts.engine.memory if self.in_container else None) or self.facts.memory

    @property
    def in_container(self) -> bool:
        return self.host.runtime == "docker"

    @property
    def image(self) -> str:
        """The image's name, with the tag for this host's architecture."""
        return for_arch(self.host.docker.image, self.facts.arch)

    def with_image(self, about: str) -> Subject:
        """The same host with the image that it described in a line, or with none if that is empty."""
        image, platform, ids = identities(about)
        new = {"image": image or None, "image_platform": platform or None, "image_ids": ids}
        return replace(self, facts=replace(self.facts, **new))


@dataclass(frozen=True)
class Finding:
    """Something that stands in the way on one host, and the way out of it."""

    name: str
    message: str
    hint: str = ""
    note: bool = False  # worth a line, but nothing stops for it
