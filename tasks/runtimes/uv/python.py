"""Which Python the hosts of ``runtime: uv`` use: one full version for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.inventory.ray_versions import CURRENT_PYTHONS, parse, runs_ray
from tasks.node.subject import Finding, Subject
from tasks.runtimes.uv.facts import pythons_of


@dataclass(frozen=True)
class PythonChoice:
    """The full version, and each host's interpreter; on a host without one, uv installs it."""

    version: str
    paths: dict[str, str | None] = field(default_factory=dict)


def choose_python(
    subjects: Sequence[Subject], ray: str | None, *, must_be: str | None = None, kept: str | None = None
) -> PythonChoice | list[Finding]:
    """Chooses the newest full version that every uv host has.

    :param must_be: the version in the Docker image of other hosts, which the uv hosts must match.
    :param kept: the version that the cluster runs; kept as long as every host still has it.
    :returns: the choice, or the findings that prevent one.
    """
    offers = {s.name: _offers(s) for s in subjects}
    wanted = {s.host.uv.python for s in subjects if s.host.uv.python}
    if len(wanted) > 1:
        return [
            Finding(s.name, f"uv.python is {s.host.uv.python}", "one version for all hosts") for s in subjects
        ]
    asked = next(iter(wanted), None)
    if must_be and not _matches(must_be, asked):
        why = f"uv.python is {asked}, but the rest of the cluster has Python {must_be}"
        return [Finding(s.name, why, "use the same Python everywhere, or remove uv.python") for s in subjects]
    request = must_be or asked
    common = set.intersection(*(set(o) for o in offers.values())) if offers else set()
    fits = [v for v in common if _matches(v, request) and runs_ray(v, ray)]
    if kept in fits:
        version = kept
    elif fits:
        version = max(fits, key=lambda v: (parse(v)[:2] >= CURRENT_PYTHONS[0], parse(v)))
    elif request and request.count(".") == 2:
        # uv can install a full version on hosts where it is missing
        version = request
    else:
        return differ(offers, request)
    return PythonChoice(version, {name: o.get(version) for name, o in offers.items()})


def _offers(subject: Subject) -> dict[str, str]:
    out: dict[str, str] = {}
    for version, path in pythons_of(subject.facts):
        out.setdefault(version, path)
    return out


def _matches(version: str, request: str | None) -> bool:
    return request is None or version == request or version.startswith(request + ".")


def differ(offers: Mapping[str, Mapping[str, str]], request: str | None) -> list[Finding]:
    """A finding for each host with the Pythons that it has, so that the different one is easy to see."""
    out = []
    for name, have in offers.items():
        said = ", ".join(sorted(have, key=parse)) or "none"
        wants = (
            f"needs Python {request}.x" if request else "no Python patch release is installed on all hosts"
        )
        hint = 'uv.python: "3.12.12" (any full version) lets uv install the same one everywhere'
        out.append(Finding(name, f"{wants}; this host has {said}", hint))
    return out
