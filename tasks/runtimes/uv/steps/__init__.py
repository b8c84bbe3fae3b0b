"""The steps that uv adds to an operation."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node import homes
from tasks.node.desired import Versions
from tasks.node.subject import Finding
from tasks.run.run import Run
from tasks.run.stages import Known, Resolved
from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.lock import Lock, subdir
from tasks.runtimes.packages.steps import PackageSteps
from tasks.runtimes.packages.steps.locks import installed, lock_file, locks, restored, stop
from tasks.runtimes.packages.web import Web
from tasks.runtimes.uv import builds
from tasks.runtimes.uv.python import Known as Builds
from tasks.runtimes.uv.python import PythonChoice, choose_python
from tasks.runtimes.uv.steps.recipe import RECIPE


class UvSteps(PackageSteps):
    """See :class:`tasks.runtimes.steps.Steps`."""

    recipe = RECIPE

    def resolve(
        self, run: Run, nodes: Sequence[Known], settled: Sequence[Resolved]
    ) -> tuple[list[Resolved], list[Finding]]:
        """Chooses the Python that the hosts share, or that of the lock, of the bundle or of the other hosts."""
        nodes = sorted(nodes, key=lambda node: not node.is_head)
        anchor = next((n.versions for n in settled if n.versions.python), None)
        kept = _kept(run, nodes)
        must_be = anchor.python if anchor else _locked_python(run, nodes[0])
        if must_be is None and run.options.limit is not None:
            must_be = kept.get("python")
        ray = nodes[0].host.ray.version or (anchor.ray if anchor else kept.get("ray"))
        choice = _choose(run, nodes, ray, must_be, kept.get("python"))
        if isinstance(choice, list):
            return [], choice
        found = locks(self.recipe, run, nodes, ray, choice.version)
        paths = homes.own_paths([(node.facts, choice.paths.get(node.name)) for node in nodes])
        resolved = []
        for node, more in zip(nodes, paths, strict=True):
            lock = found[subdir(node.facts)]
            path = choice.paths.get(node.name)
            versions = Versions(lock.ray, lock.python, path, lock.text, lock.env_id + more)
            resolved.append(node.resolved(versions))
        return resolved, []


def _choose(
    run: Run, nodes: Sequence[Known], ray: str | None, must_be: str | None, kept: str | None
) -> PythonChoice | list[Finding]:
    """The Python for these hosts. No server is asked for builds where those in the locks are enough."""
    host, bundle = nodes[0].host, run.learned.bundle
    mirror = builds.mirror_of(host)
    where = "in the bundle" if bundle is not None else f"in {mirror}" if mirror else ""

    def choose(known: Builds) -> PythonChoice | list[Finding]:
        subjects = [node.subject for node in nodes]
        return choose_python(subjects, ray, must_be=must_be, kept=kept, known=known, where=where)

    def locked(platform: str) -> list[str]:
        lock = _lock(run, nodes[0], platform)
        return [lock.python] if lock is not None and lock.of("python") else []

    choice = choose(locked)
    moves = isinstance(choice, list) or (kept and not must_be and choice.version != kept)
    if bundle is not None or not moves:
        return choice
    try:
        return choose(lambda platform: [*locked(platform), *builds.known(host, platform, Web.of(host))])
    except Unavailable as error:
        raise stop(error) from None


def _lock(run: Run, node: Known, platform: str) -> Lock | None:
    """The lock for a platform in the bundle, in the user's file, or on the hosts."""
    if run.learned.bundle is not None:
        return run.learned.bundle.locks.get((RECIPE.name, platform))
    if run.options.upgrade:
        return None
    written = lock_file(RECIPE, node).get((RECIPE.name, platform))
    return written or installed(RECIPE, run, platform, RECIPE.request_of(node.host))


def _locked_python(run: Run, node: Known) -> str | None:
    """The Python of the bundle, or of the user's lock file."""
    if run.learned.bundle is not None:
        found = run.learned.bundle.locks
    else:
        found = {} if run.options.upgrade else lock_file(RECIPE, node)
    return next((lock.python for (name, _), lock in found.items() if name == RECIPE.name), None)


def _kept(run: Run, nodes: Sequence[Known]) -> dict:
    """The state that an earlier deploy of the same request recorded on one of these hosts; else empty."""
    if run.options.upgrade:
        return {}
    for node in nodes:
        state = node.state
        if state.get("request") == run.learned.request or (run.options.limit is not None and node.is_head):
            return state
    again = restored(RECIPE, run, run.learned.request)
    return {"python": again[0].python, "ray": again[0].ray} if again else {}


STEPS = UvSteps()
