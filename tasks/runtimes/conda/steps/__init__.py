"""The steps that conda adds to an operation."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.desired import Versions
from tasks.node.subject import Finding
from tasks.run.run import Run
from tasks.run.stages import Known, Resolved
from tasks.runtimes.conda import channels
from tasks.runtimes.conda.steps.recipe import RECIPE
from tasks.runtimes.packages.lock import subdir
from tasks.runtimes.packages.steps import PackageSteps, nodes_of
from tasks.runtimes.packages.steps.locks import locks, stop


class CondaSteps(PackageSteps):
    """See :class:`tasks.runtimes.steps.Steps`."""

    recipe = RECIPE

    def check(self, run: Run, *, installs: bool) -> None:
        """Also checks that the terms of Anaconda's channels are accepted."""
        for node in nodes_of(self.recipe, run):
            wanted = [] if node.host.conda.accept_terms else channels.with_terms(node.host)
            if wanted:
                raise stop(channels.terms_wanted(wanted))
        super().check(run, installs=installs)

    def resolve(
        self, run: Run, nodes: Sequence[Known], settled: Sequence[Resolved]
    ) -> tuple[list[Resolved], list[Finding]]:
        """Chooses the Python of the hosts file; a later step checks that the other hosts have the same."""
        nodes = sorted(nodes, key=lambda node: not node.is_head)
        anchor = next((n.versions.ray for n in settled if n.versions.ray), None)
        found = locks(self.recipe, run, nodes, nodes[0].host.ray.version or anchor)
        resolved = []
        for node in nodes:
            lock = found[subdir(node.facts)]
            resolved.append(node.resolved(Versions(lock.ray, lock.python, None, lock.text, lock.env_id)))
        return resolved, []


STEPS = CondaSteps()
