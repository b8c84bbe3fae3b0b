"""How `runtime: uv` makes its environments: Python of the host or a build of it, packages from PyPI's index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tasks.inventory import Host
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Resolved
from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.kit import Kit
from tasks.runtimes.packages.lock import Lock
from tasks.runtimes.packages.steps.recipe import Asked, Recipe
from tasks.runtimes.packages.web import Web
from tasks.runtimes.steps import digest_of
from tasks.runtimes.uv import builds
from tasks.runtimes.uv.facts import pythons_of
from tasks.runtimes.uv.python import best
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
        if not python:  # no host was asked, so each may need a build
            board.step("packages", f"looking for a build of Python for {platform}")
            known = builds.known(host, platform, Web.of(host))
            python = best(known, host.uv.python, asked.ray)
            if python is None:
                raise Unavailable(*builds.none(host, host.uv.python or "3", platform, Web.of(host)))
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

    def complete(self, host: Host, nodes: Sequence[Known], lock: Lock) -> Lock:
        """Adds the build of Python if one of the hosts lacks the version."""
        has_it = [lock.python in {version for version, _ in pythons_of(node.facts)} for node in nodes]
        if lock.of("python") or (nodes and all(has_it)):
            return lock
        build = builds.find(host, lock.python, lock.platform, Web.of(host))
        return replace(lock, items=(build, *lock.items))

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
