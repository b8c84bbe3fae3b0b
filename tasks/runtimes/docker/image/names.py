"""Names of images: their parts, the tag for a host's architecture, the same image at a mirror."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.node.platforms import ARM, is_arm

HUB = "docker.io"
# Docker Hub repositories whose tags are for x86_64 and have a sibling with -aarch64
WITH_ARM_TAGS = ("rayproject/ray",)


@dataclass(frozen=True)
class Name:
    """``registry/path:tag@digest``; ``tag`` is '' if there is only a digest, ``digest`` is '' if there is none."""

    registry: str
    path: str
    tag: str
    digest: str

    @property
    def on_hub(self) -> bool:
        return self.registry == HUB

    @property
    def version(self) -> str:
        """The part that selects one of the repository's images: the digest, else the tag."""
        return self.digest or self.tag


def parse(image: str) -> Name:
    """Parses a name as Docker does: ``ray`` is ``docker.io/library/ray:latest``."""
    rest, _, digest = image.partition("@")
    first, slash, path = rest.partition("/")
    registry = HUB
    if slash and (set(".:") & set(first) or first == "localhost"):
        registry, rest = first, path
    colon = rest.rfind(":")
    tag = ""
    if colon > rest.rfind("/"):
        rest, tag = rest[:colon], rest[colon + 1 :]
    registry = HUB if registry in ("index.docker.io", "registry-1.docker.io") else registry
    if registry == HUB and "/" not in rest:
        rest = f"library/{rest}"
    return Name(registry, rest, tag or ("" if digest else "latest"), digest)


def plain(image: str) -> str:
    """The repository as the hosts file writes it, without tag and digest."""
    rest = image.partition("@")[0]
    colon = rest.rfind(":")
    return rest[:colon] if colon > rest.rfind("/") else rest


def for_arch(image: str, arch: str) -> str:
    """The name for a host of that architecture: ``rayproject/ray:2.60.0`` on ARM ends in ``-aarch64``."""
    name = parse(image)
    if not is_arm(arch) or name.digest or not name.on_hub or name.path not in WITH_ARM_TAGS:
        return image
    return image if name.tag.endswith("-aarch64") else f"{plain(image)}:{name.tag}-aarch64"


def arm_name(image: str) -> str:
    """The name on ARM, or '' if it is the same."""
    other = for_arch(image, ARM)
    return "" if other == image else other


def local_tag(image: str) -> str:
    """The tag for an image named by digest that did not come from its registry; '' for other names."""
    digest = parse(image).digest
    return f"{plain(image)}:{digest.replace(':', '-')}" if digest else ""


def at_mirror(image: str, mirror: str | None) -> str:
    """The image's name at a mirror of Docker Hub, or '' if the mirror is not used for it.

    :param mirror: a URL, perhaps with a path; the engine itself decides on the scheme.
    """
    name = parse(image)
    if not mirror or not name.on_hub:
        return ""
    place = re.sub(r"^[a-z]+://", "", mirror).rstrip("/")
    return f"{place}/{name.path}" + (f"@{name.digest}" if name.digest else f":{name.tag}")


def identities(line: str) -> tuple[str, str, frozenset[str]]:
    """Parses `docker image inspect` in the format :data:`ABOUT` -> (id, platform, all identities of the image).

    The id is the digest of the config in Docker's own store, but of the manifest in containerd's. The other
    identities are the same in both: the digests in a registry, and a hash of the layers and the date.
    """
    id_, platform, created, layers, digests, *_ = [*line.split(" "), "", "", "", "", ""]
    known = {id_, *(d.rpartition("@")[2] for d in digests.split(",") if "@" in d)}
    if layers.strip(","):
        known.add(content(created, layers.strip(",").split(",")))
    return id_, platform, frozenset(known - {""})


def content(created: str, layers: Sequence[str]) -> str:
    """An identity of an image's content that is the same in every store."""
    return "content:" + hashlib.sha256("\n".join([created, *layers]).encode()).hexdigest()
