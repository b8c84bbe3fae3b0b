"""The steps that a runtime with packages adds to an operation: uv and conda."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.inventory import Host
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Listed, Planned, Stage
from tasks.runtimes import steps
from tasks.runtimes.packages.environments import lock_script, trial_script
from tasks.runtimes.packages.lock import parse, subdir
from tasks.runtimes.packages.steps.kits import Kits, reachable
from tasks.runtimes.packages.steps.locks import keep_locks, lock_file, open_bundle
from tasks.runtimes.packages.steps.recipe import Recipe
from tasks.runtimes.packages.steps.seed import Sharing
from tasks.script.script import Script


class Installation(steps.Installation):
    """Hosts of one platform share downloads, and may copy files from one another."""

    def __init__(self, run: Run, recipe: Recipe) -> None:
        self.run = run
        self._kits = Kits(run, recipe)
        self._sharing = Sharing(run, self._kits)

    def begin(self, nodes: Sequence[Planned]) -> None:
        self._sharing.begin(nodes)

    def install(self, node: Planned, board: Board) -> None:
        if node not in self._sharing.installed:
            self._sharing.install(node, board)

    def scripts(self, node: Planned) -> list[Script]:
        kit = self._kits.of(node)
        return [self._kits.recipe.script(self.run, node, kit, reachable(kit.items))]

    def end(self) -> None:
        self._sharing.end()


class PackageSteps(steps.Steps):
    """See :class:`tasks.runtimes.steps.Steps`."""

    recipe: Recipe

    def check(self, run: Run, *, installs: bool) -> None:
        for node in nodes_of(self.recipe, run):
            lock_file(self.recipe, node)
        open_bundle(run)

    def request_of(self, host: Host) -> str:
        return self.recipe.request_of(host)

    def trial(self, run: Run, node: Planned) -> Script | None:
        packages = self.recipe.section(node.host).packages
        return trial_script(run.cluster.name, node.versions.env_id, packages)

    def went_back(self, run: Run, nodes: Sequence[Planned]) -> None:
        def one(node: Planned, board: Board) -> str:
            answer = run.ask(node, lock_script(run.cluster.name), board, timeout=60.0)
            return "\n".join(answer.texts.get("requirements", ()))

        first = {subdir(node.facts): node for node in reversed(nodes) if self.recipe.section(node.host).lock}
        texts = run.each("Read the locks", list(first.values()), one)
        if found := {subdir(node.facts): parse(text) for node, text in texts.items() if text}:
            keep_locks(self.recipe, run, nodes, found)

    def installation(self, run: Run) -> Installation:
        return Installation(run, self.recipe)


def nodes_of(recipe: Recipe, run: Run, stage: type[Stage] = Listed) -> list[Stage]:
    """All hosts of the runtime that have reached this stage, the head first."""
    nodes = [node for node in run.living(stage) if node.host.runtime == recipe.name]
    return sorted(nodes, key=lambda node: not node.is_head)
