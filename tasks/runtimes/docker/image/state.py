"""Compares the images of all hosts, which must be the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tasks.node.platforms import machine as one_name
from tasks.node.subject import Subject
from tasks.runtimes.docker.facts import docker_of, image_of
from tasks.runtimes.docker.image.names import plain


@dataclass(frozen=True)
class Mismatch:
    """Different images with the same name and platform. ``groups``: the id and the hosts of each, the head's first."""

    image: str
    platform: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    digest: str  # of the first group's image in a registry, or ''

    @property
    def message(self) -> str:
        return f"{self.image} is not the same image on all hosts ({self.platform})"

    @property
    def lines(self) -> list[str]:
        return [f"{short(id_)} on {', '.join(names)}" for id_, names in self.groups]

    @property
    def odd(self) -> tuple[str, ...]:
        return tuple(name for _, names in self.groups[1:] for name in names)

    @property
    def hint(self) -> str:
        out = f"on {', '.join(self.odd)}: docker pull {self.image}"
        if self.digest:
            out += f"; or docker.image: {plain(self.image)}@{self.digest}"
        return f"{out}; or docker.image_source: seed, which gives them the one of {self.groups[0][1][0]}"


def short(id_: str) -> str:
    """An id as `docker image ls` shows it."""
    return id_.removeprefix("sha256:")[:12]


def mismatches(subjects: Sequence[Subject], others: Collection[str] = ()) -> list[Mismatch]:
    """The images that differ between hosts of one platform although they have the same name.

    :param others: names of hosts that this run does not change; their running container's image counts.
    """
    kinds: dict[tuple[str, str], list[tuple[Subject, str, frozenset[str]]]] = {}
    for subject in subjects:
        docker = docker_of(subject.facts)
        if docker.image:
            runs = subject.state.get("image") if subject.name in others and subject.facts.active else None
            known = docker.image_ids if runs in (None, "", docker.image) else frozenset({runs})
            key = (image_of(subject), docker.image_platform or "")
            kinds.setdefault(key, []).append((subject, runs or docker.image, known))
    out = []
    for (image, platform), having in kinds.items():
        groups = _groups(having)
        if len(groups) > 1:
            said = tuple((group[0][1], tuple(s.name for s, _, _ in group)) for group in groups)
            out.append(Mismatch(image, platform, said, _digest(groups[0][0])))
    return out


def _groups(having: Sequence[tuple[Subject, str, frozenset[str]]]):
    """Groups of hosts whose images share an identity; the head's group first, then the largest."""
    groups: list[list] = []
    for one in having:
        near = [g for g in groups if any(one[2] & other[2] for other in g)]
        groups = [g for g in groups if g not in near]
        groups.append([*(member for g in near for member in g), one])
    return sorted(groups, key=lambda g: (all(s.host.role != "head" for s, _, _ in g), -len(g)))


def _digest(one: tuple[Subject, str, frozenset[str]]) -> str:
    _, id_, known = one
    return min((k for k in known if k.startswith("sha256:") and k != id_), default="")


def foreign_platform(subject: Subject) -> str:
    """A warning if the image is for another architecture than its host's, else ''."""
    machine = (docker_of(subject.facts).image_platform or "").partition("/")[2].partition("/")[0]
    if not machine or one_name(machine) == one_name(subject.facts.arch):
        return ""
    image, arch = image_of(subject), subject.facts.arch
    return f"{image} is for {machine}, and this host is {arch}: it runs by emulation, if at all"
