"""Collect a bundle: for each platform the lock, the installer, uv and every file, with their checksums."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step, step
from tasks.runtimes.conda import installers
from tasks.runtimes.conda.steps import resolve as conda
from tasks.runtimes.conda.steps.kits import local_item
from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.bundle import room_for, write
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import Lock, subdir
from tasks.runtimes.packages.web import Web

MEGA = 1_000_000
AT_ONCE = 6


@step("Check that there is something to collect")
def check_conda_hosts(run: Run) -> None:
    """Checks before connecting that there is a conda host, and that the terms are accepted."""
    if not conda.nodes_of(run):
        raise Stop("no host has runtime: conda", "runtime: conda in the hosts file", code=2)
    conda.check_files(run)


def collect(path: Path, platforms: Sequence[str]) -> Step:
    """The step that writes ``path``.

    :param platforms: the platforms to collect for; empty: those of the hosts.
    """

    def work(run: Run) -> None:
        try:
            _collect(run, path, platforms)
        except Unavailable as error:
            raise Stop(str(error), error.hint, error.code) from None

    return Step("Collect", work)


def _collect(run: Run, path: Path, platforms: Sequence[str]) -> None:
    locks = _locks(run, platforms)
    first = conda.nodes_of(run)[0]
    web = Web.of(first.host)
    tools: dict[str, dict[str, Item]] = {}
    wheels: dict[str, Item] = {}
    places: dict[str, Path] = {}
    with run.console.phase("Collect", 1) as board:
        for platform, lock in locks.items():
            board.step(platform, "looking for its installer and uv")
            tools[platform] = {
                "installer": installers.installer(first.host, platform, web),
                "uv": pypi.uv_wheel(first.host, platform, conda.ANYWHERE),
            }
            for source in lock.of("sdist"):
                board.step(platform, f"building {source.file}")
                built = pypi.build(first.host, source, web)
                if built is None:
                    raise Stop(
                        f"{source.file} has no wheel for {platform}, and needs a compiler there",
                        "conda.packages: choose a version of it that has a wheel",
                    )
                wheels[source.file] = local_item("wheel", built)
                places[source.file] = built
        every = [i for lock in locks.values() for i in lock.items if i.kind != "sdist"]
        every += [i for those in tools.values() for i in those.values()]
        every = list({item.file: item for item in every}.values())
        total = sum(item.size for item in every)
        room_for(path, total)
        _fetch(web, every, places, total, board)
        for platform, those in tools.items():  # some sizes are not known before this point
            tools[platform] = {what: _weighed(item, places) for what, item in those.items()}
        places |= {item.file: places[source] for source, item in wheels.items()}

        def on_bytes(done: int) -> None:
            board.step("bundle", f"writing, {done // MEGA} of {total // MEGA} MB")

        write(path, list(locks.values()), tools, wheels, lambda item: places[item.file], on_bytes)
    run.console.ok("Collect", f"{len(every)} files for {', '.join(locks)}, {board.seconds:.1f} s")


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


def _locks(run: Run, platforms: Sequence[str]) -> dict[str, Lock]:
    nodes = conda.nodes_of(run)
    first = nodes[0]
    ray = first.host.ray.version
    if not platforms:
        return conda.locks(run, [n for n in conda.nodes_of(run, Known) if subdir(n.facts)], ray)
    out: dict[str, Lock] = {}
    request = conda.request_of(first.host)  # no host was contacted, so the first one represents all
    kept = {} if run.options.upgrade else conda.lock_file(first)
    for platform in platforms:
        lock = kept.get(platform)
        if lock is None or lock.request != request:
            lock = conda.make(run, first, platform, ray=ray, request=request)
        ray = ray or lock.ray
        out[platform] = lock
    return out
