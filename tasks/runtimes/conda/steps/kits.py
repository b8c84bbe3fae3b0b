"""Install with conda: first put all files into the host's store, from any source, then install offline from there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tasks.node.addresses import join
from tasks.report.console import Board
from tasks.run.failures import Failure, HostFailed
from tasks.run.run import Run
from tasks.run.stages import Known, Resolved
from tasks.runtimes.conda import installers
from tasks.runtimes.conda.facts import conda_of
from tasks.runtimes.conda.scripts import conda_script
from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.fetch import fetch_script
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import Lock, parse, subdir
from tasks.runtimes.packages.web import Web
from tasks.runtimes.steps.pool import Source
from tasks.script.script import Script
from tasks.ssh import Answer

TIMEOUT = 4 * 3600.0
MEGA = 1_000_000


@dataclass(frozen=True)
class Kit:
    """The files that one host installs: those of the lock, and the programs that install them."""

    lock: Lock
    uv: Item | None = None
    installer: Item | None = None
    wheels: tuple[Item, ...] = field(default=())  # built from source on this machine
    sources: tuple[Item, ...] = field(default=())  # to be built on the host

    @property
    def items(self) -> list[Item]:
        """All files."""
        tools = [item for item in (self.installer, self.uv) if item]
        return [*self.lock.of("conda"), *self.lock.of("wheel"), *self.wheels, *self.sources, *tools]


class Kits:
    """The kit of each platform, made once; used by many hosts at the same time."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._made: dict[tuple, object] = {}

    def begin(self, nodes: Sequence[Resolved]) -> None:
        """Makes the kits in the background; :meth:`of` raises the errors."""

        def work() -> None:
            for node in {subdir(n.facts): n for n in nodes}.values():
                with contextlib.suppress(HostFailed):
                    self.of(node)

        threading.Thread(target=work, name="kits", daemon=True).start()

    def of(self, node: Resolved) -> Kit:
        """The kit for a host.

        :raises HostFailed: one of its files is not available.
        """
        platform = subdir(node.facts)
        try:
            with self._lock:
                kit = self._once(("kit", platform), lambda: self._kit(node, platform))
                if needs_conda(node):
                    one = self._once(
                        ("installer", platform, node.host.conda.installer),
                        lambda: self._installer(node, platform),
                    )
                    return replace(kit, installer=one)
                return kit
        except Unavailable as error:
            raise HostFailed(Failure(str(error), error.hint)) from None

    def _once(self, key: tuple, make):
        if key not in self._made:
            try:
                self._made[key] = make()
            except Unavailable as error:
                self._made[key] = error  # so that the next host does not try it again
        if isinstance(self._made[key], Unavailable):
            raise self._made[key]
        return self._made[key]

    def _installer(self, node: Resolved, platform: str) -> Item:
        bundle = self.run.learned.bundle
        if bundle is None:
            return installers.installer(node.host, platform, Web.of(node.host))
        found = bundle.tools.get(platform, {}).get("installer")
        if found is None:
            raise Unavailable(f"the bundle holds no installer for {platform}", "make it again: fab bundle")
        return found

    def _kit(self, node: Resolved, platform: str) -> Kit:
        lock = parse(node.versions.lock)
        bundle = self.run.learned.bundle
        if bundle is not None:
            wheels = tuple(bundle.wheels[s.file] for s in lock.of("sdist"))
            return Kit(lock, bundle.tools.get(platform, {}).get("uv"), wheels=wheels)
        web = Web.of(node.host)
        try:
            uv = pypi.uv_wheel(node.host, platform, "2.17")
        except Unavailable:
            uv = None  # then the environment's own pip installs the packages
        wheels, sources = [], []
        for source in lock.of("sdist"):
            built = pypi.build(node.host, source, web)
            if built is None:
                sources.append(source)
            else:
                wheels.append(local_item("wheel", built))
        return Kit(lock, uv, wheels=tuple(wheels), sources=tuple(sources))


def local_item(kind: str, path: Path) -> Item:
    """A file on this machine that is copied to hosts."""
    from tasks.runtimes.packages.web import sha256_of

    return Item(kind, path.name, sha256_of(path), path.stat().st_size, path.resolve().as_uri())


def needs_conda(node: Known) -> bool:
    """Whether conda must be installed on the host first."""
    return not conda_of(node.facts).condas


def install(run: Run, node: Resolved, board: Board, kits: Kits, *, source: Source | None = None) -> None:
    """Installs on one host.

    :param source: another host whose store is tried first.
    """
    if node.host.mirrors.ca:
        run.carry(node, Path(node.host.mirrors.ca).expanduser(), f"{node.facts.home}/.rayfab/.ca.pem")
    gone: Sequence[str] = ()
    why = ""
    if source is None and run.learned.bundle is None:
        # the host downloads these files while this machine prepares the rest of the kit
        first = parse(node.versions.lock)
        ready = [*first.of("conda"), *first.of("wheel")]
        answer = run.ask(node, fetching(node, run.cluster.name, ready), board, timeout=TIMEOUT)
        gone, why = answer.all.get("missing", ()), _reason(answer)
    kit = kits.of(node)
    fill_store(run, node, board, kit, source, gone=gone, why=why)
    answer = run.ask(node, script(run, node, kit), board, timeout=TIMEOUT)
    if answer.values.get("changed") == "1":
        run.did(node, "installed")
    if "note" in answer.values:
        run.console.note(f"{node.name}: {answer.values['note']}")


def _reason(answer: Answer) -> str:
    """Why a host could not get a file: the last line of its log."""
    return "; ".join(answer.texts.get("log", ())[-1:])


def fill_store(
    run: Run,
    node: Resolved,
    board: Board,
    kit: Kit,
    source: Source | None = None,
    *,
    gone: Sequence[str] = (),
    why: str = "",
) -> None:
    """Puts every file of the kit into the host's store.

    :param gone: files that the host could not get.
    :param why: the reason for them.
    :raises HostFailed: a file is not available.
    """
    every = [replace(item, url="-") if item.file in gone else item for item in kit.items]
    if source is not None:
        # files that the other host does not serve are downloaded from the Internet below
        script = fetching(node, run.cluster.name, every, source)
        run.ask(node, script, board, timeout=TIMEOUT, RF_SEED=source.token)
    if run.learned.bundle is not None:
        every = [replace(item, url="-") for item in every]
    answer = run.ask(node, fetching(node, run.cluster.name, every), board, timeout=TIMEOUT)
    missing = set(answer.all.get("missing", ()))
    # a wheel built from the same source on another machine has the same name but other bytes
    built = {item.file for item in kit.wheels}
    if wanted := [item for item in kit.items if item.file in missing | built]:
        _carry(run, node, board, wanted, (why or _reason(answer)) if run.learned.bundle is None else "")


def fetching(node: Resolved, cluster: str, items: Sequence[Item], source: Source | None = None) -> Script:
    """The script with which a host downloads files; its answer lists those that it could not get."""
    here = [replace(item, url="-") if item.url.startswith("file:") else item for item in items]
    base = f"http://{join(source.address, source.port)}" if source else ""
    mirrors = node.host.mirrors
    return fetch_script(cluster, here, base=base, proxy=mirrors.proxy or "", ca=bool(mirrors.ca))


def _carry(run: Run, node: Resolved, board: Board, items: Sequence[Item], why: str) -> None:
    total = sum(item.size for item in items)
    done = 0
    for item in items:
        place = _here(run, node, board, item, why)

        def on_bytes(sent: int, _: int, before: int = done) -> None:
            board.step(node.name, f"carrying packages, {(before + sent) // MEGA} of {total // MEGA} MB")

        target = f"{node.facts.home}/.rayfab/.store/{item.file}"
        run.carry(node, place, target, on_bytes=on_bytes, timeout=TIMEOUT)
        done += item.size


def _here(run: Run, node: Resolved, board: Board, item: Item, why: str) -> Path:
    """The file on this machine, downloaded if necessary.

    :param why: the reason why the host could not get it itself.
    """
    try:
        if run.learned.bundle is not None:
            return run.learned.bundle.get(item)
        board.step(node.name, f"fetching {item.file} to carry it there")
        return Web.of(node.host).get(item)
    except Unavailable as error:
        said = f"{item.file} cannot be downloaded there{f' ({why})' if why else ''}, nor here: {error}"
        raise HostFailed(Failure(said, error.hint)) from None


def script(run: Run, node: Resolved, kit: Kit) -> Script:
    """The script that installs from the store."""
    condas = conda_of(node.facts).condas
    return conda_script(
        node.host,
        run.cluster.name,
        env_id=node.versions.env_id,
        python=kit.lock.python,
        lock=kit.lock.text,
        items=kit.items,
        uv_version=pypi.uv_version(),
        conda=condas[0] if condas else None,
        proxy=node.host.mirrors.proxy or "",
    )
