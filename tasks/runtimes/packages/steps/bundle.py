"""Collect a bundle: for each runtime and platform the lock, the tools, and every file, with their checksums."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tasks import runtimes
from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Resolved
from tasks.run.step import Step
from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.bundle import room_for, write
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import Lock, parse, subdir
from tasks.runtimes.packages.steps import PackageSteps, nodes_of
from tasks.runtimes.packages.steps.along import Wanted, choose, images, say_lacking
from tasks.runtimes.packages.steps.kits import local_item
from tasks.runtimes.packages.steps.locks import ANYWHERE, lock_file, make, stop
from tasks.runtimes.packages.steps.recipe import Asked, Recipe
from tasks.runtimes.packages.web import Web
from tasks.text.wording import counted

MEGA = 1_000_000
AT_ONCE = 6


def _recipes(run: Run) -> list[Recipe]:
    """Those of the hosts' runtimes, in the order in which versions are chosen."""
    every = [runtimes.steps_by_name(name) for name in runtimes.NAMES]
    found = [one.recipe for one in every if isinstance(one, PackageSteps)]
    return [recipe for recipe in found if nodes_of(recipe, run)]


def check(wanted: Wanted) -> Step:
    """Checks before connecting that there is something to collect, and what runtimes check before a deploy."""

    def work(run: Run) -> None:
        recipes = _recipes(run)
        if not recipes and not wanted.images:
            raise Stop(
                "no host installs packages, and no image is named",
                "runtime: uv or conda in the hosts file, or --image FILE",
                code=2,
            )
        images(wanted)
        for recipe in recipes:
            runtimes.steps_by_name(recipe.name).check(run, installs=True)

    return Step("Check that there is something to collect", work)


def collect(path: Path, platforms: Sequence[str], wanted: Wanted) -> Step:
    """The step that writes ``path``.

    :param platforms: the platforms to collect for; empty: those of the hosts.
    """

    def work(run: Run) -> None:
        try:
            _collect(run, path, platforms, wanted)
        except Unavailable as error:
            raise stop(error) from None

    return Step("Collect", work)


def _collect(run: Run, path: Path, platforms: Sequence[str], wanted: Wanted) -> None:
    found: list[tuple[Recipe, Lock]] = []
    settled: list[Resolved] = []
    run.learned.request = runtimes.steps_of(run.head().host).request_of(run.head().host)
    for recipe in _recipes(run):
        anchor = next((lock.ray for _, lock in found), None)
        made = _locks(recipe, run, platforms, anchor) if platforms else _locks_of_hosts(recipe, run, settled)
        found += [(recipe, lock) for lock in made]
    tools: dict[str, dict[str, Item]] = {}
    wheels: dict[str, Item] = {}
    places: dict[str, Path] = {}
    web = Web.of(nodes_of(found[0][0], run)[0].host if found else run.cluster.head)
    with run.console.phase("Collect", 1) as board:
        for recipe, lock in found:
            host = nodes_of(recipe, run)[0].host
            board.step(lock.platform, "looking for its installer and uv")
            tools.setdefault(lock.platform, {}).setdefault("uv", pypi.uv_wheel(host, lock.platform, ANYWHERE))
            if tool := recipe.tool(host, lock.platform, web):
                tools[lock.platform][recipe.name] = tool
            for source in lock.of("sdist"):
                _build(recipe, run, lock, source, wheels, places, board)
        locked = [lock for _, lock in found]
        along = choose(run, wanted, board, locked)
        every = [i for lock in locked for i in lock.items if i.kind != "sdist"]
        every += [i for those in tools.values() for i in those.values()]
        every = list({item.file: item for item in [*every, *along.items]}.values())
        total = sum(item.size for item in every)
        room_for(path, total + along.size)
        _fetch(web, every, places, total, board)
        for platform, those in tools.items():  # some sizes are not known before this point
            tools[platform] = {what: _weighed(item, places) for what, item in those.items()}
        places |= {item.file: places[source] for source, item in wheels.items()}

        total += along.size

        def on_bytes(done: int) -> None:
            board.step("bundle", f"writing, {done // MEGA} of {total // MEGA} MB")

        write(path, locked, tools, wheels, lambda item: places[item.file], on_bytes, along)
    what = ", ".join(f"{lock.platform} ({lock.runtime})" for lock in locked)
    run.console.ok(
        "Collect", f"made for {what or 'Docker hosts'}: {counted(len(every), 'file')}, {board.seconds:.1f} s"
    )
    say_lacking(run, along)


def _build(
    recipe: Recipe,
    run: Run,
    lock: Lock,
    source: Item,
    wheels: dict[str, Item],
    places: dict[str, Path],
    board: Board,
) -> None:
    host = nodes_of(recipe, run)[0].host
    board.step(lock.platform, f"building {source.file}")
    built = pypi.build(host, source, Web.of(host))
    if built is None:
        raise Stop(
            f"{source.file} has no wheel for {lock.platform}, and needs a compiler there",
            f"{recipe.name}.packages: choose a version of it that has a wheel",
        )
    wheels[source.file] = local_item("wheel", built)
    places[source.file] = built


def _weighed(item: Item, places: dict[str, Path]) -> Item:
    return Item(item.kind, item.file, item.sha256, places[item.file].stat().st_size, item.url)


def _fetch(web: Web, every: Sequence[Item], places: dict[str, Path], total: int, board) -> None:
    done: dict[str, int] = {}

    def one(item: Item) -> None:
        def on_bytes(have: int) -> None:
            done[item.file] = have
            board.step("files", f"fetching, {sum(done.values()) // MEGA} of {total // MEGA} MB")

        places[item.file] = web.get(item, on_bytes)
        on_bytes(item.size)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(one, sorted(every, key=lambda item: -item.size)):
            pass


def _locks(recipe: Recipe, run: Run, platforms: Sequence[str], anchor: str | None) -> list[Lock]:
    nodes = nodes_of(recipe, run)
    first = nodes[0]
    ray = first.host.ray.version or anchor
    out: list[Lock] = []
    request = recipe.request_of(first.host)  # no host was contacted, so the first one represents all
    kept = {} if run.options.upgrade else lock_file(recipe, first)
    for platform in platforms:
        lock = kept.get((recipe.name, platform))
        if lock is None or lock.request != request:
            python = out[0].python if out else ""
            lock = make(recipe, run, first, Asked(platform, request, ANYWHERE, ray, python))
        lock = recipe.complete(first.host, [], lock)
        ray = ray or lock.ray
        out.append(lock)
    return out


def _locks_of_hosts(recipe: Recipe, run: Run, settled: list[Resolved]) -> list[Lock]:
    """The locks that a deploy would use."""
    known = [node for node in nodes_of(recipe, run, Known) if subdir(node.facts)]
    resolved, findings = runtimes.steps_by_name(recipe.name).resolve(run, known, settled)
    if findings:
        raise Stop(f"{findings[0].name}: {findings[0].message}", findings[0].hint)
    settled += resolved
    return list({node.versions.lock: parse(node.versions.lock) for node in resolved}.values())
