"""The steps that uv adds to an operation."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.desired import Versions
from tasks.node.subject import Finding
from tasks.run.run import Run
from tasks.run.stages import Known, Resolved
from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.lock import subdir
from tasks.runtimes.packages.steps import PackageSteps
from tasks.runtimes.packages.steps.locks import lock_file, locks, stop
from tasks.runtimes.packages.web import Web
from tasks.runtimes.uv import builds
from tasks.runtimes.uv.python import choose_python
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
        try:
            choice = choose_python(
                [n.subject for n in nodes],
                ray,
                must_be=must_be,
                kept=kept.get("python"),
                known=lambda platform: _builds(run, nodes[0], platform),
                where="in the bundle" if run.learned.bundle is not None else "",
            )
        except Unavailable as error:
            raise stop(error) from None
        if isinstance(choice, list):
            return [], choice
        found = locks(self.recipe, run, nodes, ray, choice.version)
        resolved = []
        for node in nodes:
            lock = found[subdir(node.facts)]
            path = choice.paths.get(node.name)
            resolved.append(node.resolved(Versions(lock.ray, lock.python, path, lock.text, lock.env_id)))
        return resolved, []


def _builds(run: Run, node: Known, platform: str) -> Sequence[str]:
    """The versions of which there is a build for a platform: in the bundle, or on the Internet."""
    if run.learned.bundle is None:
        return builds.known(node.host, platform, Web.of(node.host))
    lock = run.learned.bundle.locks.get((RECIPE.name, platform))
    return [lock.python] if lock is not None and lock.of("python") else []


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
    return {}


STEPS = UvSteps()
