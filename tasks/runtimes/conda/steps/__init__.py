"""The steps that conda adds to an operation."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.inventory import Host
from tasks.node.desired import Versions
from tasks.node.subject import Finding
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Known, Planned, Resolved
from tasks.runtimes import steps
from tasks.runtimes.conda.steps import kits, resolve
from tasks.runtimes.conda.steps.kits import Kits
from tasks.runtimes.conda.steps.seed import Sharing
from tasks.runtimes.packages.lock import subdir
from tasks.script.script import Script


class Installation(steps.Installation):
    """Hosts of one platform share downloads, and may copy files from one another."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._kits = Kits(run)
        self._sharing = Sharing(run, self._kits)

    def begin(self, nodes: Sequence[Planned]) -> None:
        self._sharing.begin(nodes)

    def install(self, node: Planned, board: Board) -> None:
        if node not in self._sharing.installed:
            self._sharing.install(node, board)

    def scripts(self, node: Planned) -> list[Script]:
        kit = self._kits.of(node)
        return [kits.fetching(node, self.run.cluster.name, kit.items), kits.script(self.run, node, kit)]

    def end(self) -> None:
        self._sharing.end()


class CondaSteps(steps.Steps):
    """See :class:`tasks.runtimes.steps.Steps`."""

    def check(self, run: Run, *, installs: bool) -> None:
        resolve.check_files(run)

    def request_of(self, host: Host) -> str:
        return resolve.request_of(host)

    def resolve(
        self, run: Run, nodes: Sequence[Known], settled: Sequence[Resolved]
    ) -> tuple[list[Resolved], list[Finding]]:
        """Chooses the Python of the hosts file; a later step checks that the other hosts have the same."""
        nodes = sorted(nodes, key=lambda node: not node.is_head)
        anchor = next((n.versions.ray for n in settled if n.versions.ray), None)
        locks = resolve.locks(run, nodes, nodes[0].host.ray.version or anchor)
        resolved = []
        for node in nodes:
            lock = locks[subdir(node.facts)]
            id_ = f"ray-{lock.ray}-py{lock.python}-{lock.id}"
            resolved.append(node.resolved(Versions(lock.ray, lock.python, None, lock.text, id_)))
        return resolved, []

    def installation(self, run: Run) -> Installation:
        return Installation(run)


STEPS = CondaSteps()
