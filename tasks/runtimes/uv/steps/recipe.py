"""How `runtime: uv` makes its environments: Python of the host or a build of it, packages from PyPI's index."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.inventory import Host
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Listed, Resolved
from tasks.runtimes.packages import pypi
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.kit import Kit
from tasks.runtimes.packages.lock import Lock
from tasks.runtimes.packages.steps.recipe import Asked, Recipe
from tasks.runtimes.steps import digest_of
from tasks.runtimes.uv.scripts import uv_script
from tasks.script.script import Script


class UvRecipe(Recipe):
    """See :class:`tasks.runtimes.packages.steps.recipe.Recipe`."""

    name = "uv"
    same = "uv: {python, packages}"

    def request_of(self, host: Host) -> str:
        return digest_of([host.ray.version, list(host.uv.packages), host.uv.python])

    def make_lock(self, run: Run, node: Listed, asked: Asked, board: Board) -> Lock:
        host, platform, python = node.host, asked.platform, asked.python
        board.step("packages", f"choosing versions for Python {python} on {platform}")
        ray, items = pypi.choose(
            host,
            host.uv.packages,
            self.name,
            python=python,
            platform=platform,
            glibc=asked.glibc,
            ray=asked.ray,
        )
        return Lock(platform, python, ray, asked.request, tuple(items), self.name)

    def needs(self, node: Resolved, item: Item) -> bool:
        return item.kind != "python" or node.versions.python_path is None

    def script(self, run: Run, node: Resolved, kit: Kit, items: Sequence[Item]) -> Script:
        return uv_script(
            node.host,
            run.cluster.name,
            env_id=node.versions.env_id,
            kit=kit,
            items=items,
            uv_version=pypi.uv_version(),
            python_path=node.versions.python_path,
        )


RECIPE = UvRecipe()
