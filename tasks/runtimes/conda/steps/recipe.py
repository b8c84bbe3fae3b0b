"""How `runtime: conda` makes its environments: Python from conda's channels, packages from PyPI's index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tasks.inventory import Host
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Resolved
from tasks.runtimes.conda import channels, installers
from tasks.runtimes.conda.facts import conda_of
from tasks.runtimes.conda.scripts import conda_script
from tasks.runtimes.packages import pypi
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.kit import Kit
from tasks.runtimes.packages.lock import Lock
from tasks.runtimes.packages.steps.recipe import Asked, Recipe
from tasks.runtimes.packages.web import Web
from tasks.runtimes.steps import digest_of
from tasks.script.script import Script

# conda removes its own record of a package when pip or uv replaces it
TOOLS = ("certifi", "pip", "setuptools", "wheel")


class CondaRecipe(Recipe):
    """See :class:`tasks.runtimes.packages.steps.recipe.Recipe`."""

    name = "conda"
    same = "conda: {python, packages, channels}"

    def request_of(self, host: Host) -> str:
        conda = host.conda
        return digest_of([host.ray.version, list(conda.packages), conda.python, list(conda.channels)])

    def make_lock(self, run: Run, node: Listed, asked: Asked, board: Board) -> Lock:
        host, platform, web = node.host, asked.platform, Web.of(node.host)
        sources = channels.urls(host, platform)
        if not host.conda.accept_terms:
            board.step("channels", "asking whether they have terms")
            if wanted := channels.ask_terms(web, sources):
                raise channels.terms_wanted(wanted)
        board.step("channels", f"choosing Python {host.conda.python} for {platform}")
        with ThreadPoolExecutor(1) as side:
            # with a full version in the hosts file, index and channels are asked at the same time
            early = None
            if host.conda.python.count(".") == 2:
                early = side.submit(_packages, host, host.conda.python, asked)
            python, items = channels.solve(
                sources,
                platform,
                host.conda.python,
                glibc=asked.glibc,
                web=web,
                say=lambda text: board.step("channels", text),
            )
            board.step("packages", f"choosing versions for Python {python} on {platform}")
            late = early or side.submit(_packages, host, python, asked)
            version, packages = late.result()
        conda_s = _tools(items)
        if _others(packages, conda_s):
            # what conda has installed stays, where it fits
            version, packages = _packages(host, python, replace(asked, ray=version), conda_s)
        packages = [item for item in packages if not _same(item, conda_s)]
        return Lock(platform, python, version, asked.request, (*items, *packages), self.name)

    def tool(self, host: Host, platform: str, web: Web) -> Item | None:
        return installers.installer(host, platform, web)

    def needs_tool(self, node: Known) -> bool:
        return not conda_of(node.facts).condas

    def script(self, run: Run, node: Resolved, kit: Kit, items: Sequence[Item]) -> Script:
        condas = conda_of(node.facts).condas
        return conda_script(
            node.host,
            run.cluster.name,
            env_id=node.versions.env_id,
            kit=kit,
            items=items,
            uv_version=pypi.uv_version(),
            conda=condas[0] if condas else None,
        )


def _tools(items: Sequence[Item]) -> dict[str, str]:
    """The versions of the tools that are packages of conda's channels and of PyPI under the same name."""
    named = (item.file.rsplit("-", 2) for item in items if item.kind == "conda")
    return {parts[0]: parts[1] for parts in named if parts[0] in TOOLS}


def _version(item: Item, of: Mapping[str, str]) -> str | None:
    """The version in the name of a wheel; None if it is none of these packages."""
    name, _, rest = item.file.partition("-")
    return rest.partition("-")[0] if item.kind == "wheel" and name.lower() in of else None


def _same(item: Item, of: Mapping[str, str]) -> bool:
    return _version(item, of) == of.get(item.file.partition("-")[0].lower(), "")


def _others(packages: Sequence[Item], of: Mapping[str, str]) -> bool:
    """Whether any of these packages has another version than conda's."""
    return any(_version(item, of) and not _same(item, of) for item in packages)


def _packages(
    host: Host, python: str, asked: Asked, prefer: Mapping[str, str] | None = None
) -> tuple[str, list[Item]]:
    packages, platform = host.conda.packages, asked.platform
    return pypi.choose(
        host,
        packages,
        "conda",
        python=python,
        platform=platform,
        glibc=asked.glibc,
        ray=asked.ray,
        prefer=prefer,
    )


RECIPE = CondaRecipe()
