"""Which Python the hosts of ``runtime: uv`` use: one full version for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.inventory.ray_versions import CURRENT_PYTHONS, DEFAULT_PYTHON, parse, runs_ray
from tasks.node.platforms import conda_name
from tasks.node.subject import Finding, Subject
from tasks.runtimes.uv.facts import pythons_of

# the versions of which there is a build for a platform (conda's name for it), see uv/builds.py
Known = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class PythonChoice:
    """The full version, and each host's interpreter; a host without one (None) gets a build."""

    version: str
    paths: dict[str, str | None] = field(default_factory=dict)


def choose_python(
    subjects: Sequence[Subject],
    ray: str | None,
    *,
    must_be: str | None = None,
    kept: str | None = None,
    known: Known,
    where: str = "",
) -> PythonChoice | list[Finding]:
    """Chooses one full version, and says which hosts need a build of it.

    In this order: the version that the cluster runs, while every host has it or can get it; the newest that all hosts
    have; the newest that every host has or can get, of the requested version or else of Python 3.12. A host's own
    interpreter is used where it has this version.

    :param must_be: the version in the Docker image of other hosts, which the uv hosts must match.
    :param kept: the version that the cluster runs.
    :param known: called only where the hosts' own Pythons are not enough, because it may ask a mirror.
    :param where: where builds were looked for, if it is not their maker's site: ``in the bundle``.
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

    def chosen(version: str) -> PythonChoice:
        return PythonChoice(version, {name: have.get(version) for name, have in offers.items()})

    common = set.intersection(*(set(have) for have in offers.values())) if offers else set()
    own = _fitting(common, request, ray)
    if kept in own:
        return chosen(kept)
    if own and kept is None:
        return chosen(max(own, key=_preferred))
    builds = {s.name: _builds(s, known) for s in subjects}
    can = set.intersection(*({*offers[n], *builds[n]} for n in offers)) if offers else set()
    if kept in _fitting(can, request, ray):
        return chosen(kept)
    if own:
        return chosen(max(own, key=_preferred))
    if found := best(can, request, ray):
        return chosen(found)
    return differ(subjects, offers, builds, request, ray, where)


def best(versions: Iterable[str], request: str | None, ray: str | None) -> str | None:
    """The newest that fits a request, if possible not newer than Python 3.12; None if none does."""
    fits = _fitting(versions, request, ray)
    return max(fits, key=lambda v: (parse(v)[:2] <= DEFAULT_PYTHON, parse(v)), default=None)


def _fitting(versions: Iterable[str], request: str | None, ray: str | None) -> list[str]:
    # a full version is taken as it is said: a Ray that is newer than this program may run with it
    return [v for v in versions if v == request or (_matches(v, request) and runs_ray(v, ray))]


def _preferred(version: str) -> tuple:
    return parse(version)[:2] >= CURRENT_PYTHONS[0], parse(version)


def _offers(subject: Subject) -> dict[str, str]:
    out: dict[str, str] = {}
    for version, path in pythons_of(subject.facts):
        out.setdefault(version, path)
    return out


def _builds(subject: Subject, known: Known) -> Sequence[str]:
    platform = conda_name(subject.facts.system, subject.facts.arch)
    return known(platform) if platform else ()


def _matches(version: str, request: str | None) -> bool:
    return request is None or version == request or version.startswith(request + ".")


def differ(
    subjects: Sequence[Subject],
    offers: Mapping[str, Mapping[str, str]],
    builds: Mapping[str, Sequence[str]],
    request: str | None,
    ray: str | None,
    where: str = "",
) -> list[Finding]:
    """A finding for each host with the Pythons that it has; of one full version, for the hosts that cannot get it."""
    full = request is not None and request.count(".") == 2
    out = []
    for subject in subjects:
        have, there = offers[subject.name], builds[subject.name]
        if full and (request in have or request in there):
            continue
        said = ", ".join(sorted(have, key=parse)) or "none"
        need = f"Python {request}{'' if full else '.x'}" if request else "one Python for all hosts"
        why = f"needs {need}; this host has {said}, and there is no build of it for {subject.facts.arch}"
        why = f"{why} {where}".rstrip()
        out.append(Finding(subject.name, why, _way_out(request, builds, ray)))
    return out


def _way_out(request: str | None, builds: Mapping[str, Sequence[str]], ray: str | None) -> str:
    everywhere = set.intersection(*(set(versions) for versions in builds.values())) if builds else set()
    minor = ".".join(request.split(".")[:2]) if request else None
    if found := best(everywhere, minor, ray) or best(everywhere, None, ray):
        return f"all hosts can get Python {found}: use it for the whole cluster, or install {request} by hand"
    return "install the same Python on all hosts, or runtime: docker"
