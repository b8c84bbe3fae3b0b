"""Put all files of an environment into the host's store, from any source, and install offline from there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from tasks.node.addresses import join
from tasks.report.console import Board
from tasks.run.failures import Failure, HostFailed
from tasks.run.run import Run
from tasks.run.stages import Resolved
from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.fetch import fetch_script
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.kit import Kit
from tasks.runtimes.packages.lock import parse, subdir
from tasks.runtimes.packages.steps.locks import ANYWHERE
from tasks.runtimes.packages.steps.recipe import Recipe
from tasks.runtimes.packages.web import Web, sha256_of
from tasks.runtimes.steps.pool import Source
from tasks.ssh import Answer

TIMEOUT = 4 * 3600.0
MEGA = 1_000_000


class Kits:
    """The kit of each platform, made once; used by many hosts at the same time."""

    def __init__(self, run: Run, recipe: Recipe) -> None:
        self.run, self.recipe = run, recipe
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
                locked = tuple(item for item in kit.locked if self.recipe.needs(node, item))
                kit = replace(kit, locked=locked)
                if self.recipe.needs_tool(node):
                    # hosts of one platform may name different tools
                    key = ("tool", platform, repr(self.recipe.section(node.host)))
                    return replace(kit, tool=self._once(key, lambda: self._tool(node, platform)))
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

    def _tool(self, node: Resolved, platform: str) -> Item | None:
        bundle = self.run.learned.bundle
        if bundle is None:
            return self.recipe.tool(node.host, platform, Web.of(node.host))
        found = bundle.tools.get(platform, {}).get(self.recipe.name)
        if found is None:
            raise Unavailable(f"the bundle holds no installer for {platform}", "make it again: fab bundle")
        return found

    def _kit(self, node: Resolved, platform: str) -> Kit:
        lock = parse(node.versions.lock)
        locked = tuple(item for item in lock.items if item.kind != "sdist")
        bundle = self.run.learned.bundle
        if bundle is not None:
            wheels = tuple(bundle.wheels[s.file] for s in lock.of("sdist"))
            return Kit(lock, locked, bundle.tools.get(platform, {}).get("uv"), wheels=wheels)
        web = Web.of(node.host)
        try:
            uv = pypi.uv_wheel(node.host, platform, ANYWHERE)
        except Unavailable:
            uv = pypi.own_uv(platform)
        wheels, sources = [], []
        for source in lock.of("sdist"):
            built = pypi.build(node.host, source, web)
            if built is None:
                sources.append(source)
            else:
                wheels.append(local_item("wheel", built))
        return Kit(lock, locked, uv, wheels=tuple(wheels), sources=tuple(sources))


def local_item(kind: str, path: Path) -> Item:
    """A file on this machine that is copied to hosts."""
    return Item(kind, path.name, sha256_of(path), path.stat().st_size, path.resolve().as_uri())


class Filling:
    """Installs on one host. What it cannot download itself is copied to it from here."""

    def __init__(self, run: Run, node: Resolved, board: Board, kits: Kits) -> None:
        self.run, self.node, self.board, self.kits = run, node, board, kits

    def install(self, source: Source | None = None) -> None:
        """Installs on the host.

        :param source: another host whose store is tried first.
        :raises HostFailed: a file is not available, or the installation failed.
        """
        run, node = self.run, self.node
        if node.host.mirrors.ca:
            run.carry(node, Path(node.host.mirrors.ca).expanduser(), f"{node.facts.home}/.rayfab/.ca.pem")
        if source is None and run.learned.bundle is None and parse(node.versions.lock).of("sdist"):
            # the host downloads these files while this machine builds the others
            locked = [i for i in parse(node.versions.lock).items if i.kind != "sdist"]
            self.fetch([item for item in locked if self.kits.recipe.needs(node, item)])
        kit = self.kits.of(node)
        if source is not None:
            # files that the other host does not serve are downloaded from the Internet below
            self.fetch(kit.items, source)
        # a wheel that another machine built from the same source has the same name but other bytes
        self._carry(kit.wheels, "")
        answer = self._install(kit, ())
        if missing := answer.all.get("missing", ()):
            why = "" if run.learned.bundle is not None else _reason(answer)
            self._carry([item for item in kit.items if item.file in missing], why)
            answer = self._install(kit, missing)
            if still := answer.all.get("missing", ()):
                raise HostFailed(Failure(f"{still[0]} was copied there and is missing", _reason(answer)))
        if answer.values.get("changed") == "1":
            run.did(node, "installed")
        if "note" in answer.values:
            run.console.note(f"{node.name}: {answer.values['note']}")

    def _install(self, kit: Kit, carried: Collection[str]) -> Answer:
        items = reachable(kit.items, none=self.run.learned.bundle is not None, carried=carried)
        return self.run.ask(
            self.node, self.kits.recipe.script(self.run, self.node, kit, items), self.board, timeout=TIMEOUT
        )

    def fetch(self, items: Sequence[Item], source: Source | None = None) -> None:
        """Downloads files into the host's store, as far as it can get them.

        :param source: another host that serves its store; None: from the Internet.
        """
        mirrors = self.node.host.mirrors
        script = fetch_script(
            self.run.cluster.name,
            reachable(items, none=self.run.learned.bundle is not None and source is None),
            base=f"http://{join(source.address, source.port)}" if source else "",
            proxy=mirrors.proxy or "",
            ca=bool(mirrors.ca),
        )
        secrets = {"RF_SEED": source.token} if source else {}
        self.run.ask(self.node, script, self.board, timeout=TIMEOUT, **secrets)

    def _carry(self, items: Sequence[Item], why: str) -> None:
        total = sum(item.size for item in items)
        done = 0
        for item in items:
            place = self._here(item, why)

            def on_bytes(sent: int, _: int, before: int = done) -> None:
                said = f"carrying packages, {(before + sent) // MEGA} of {total // MEGA} MB"
                self.board.step(self.node.name, said)

            target = f"{self.node.facts.home}/.rayfab/.store/{item.file}"
            self.run.carry(self.node, place, target, on_bytes=on_bytes, timeout=TIMEOUT)
            done += item.size

    def _here(self, item: Item, why: str) -> Path:
        """The file on this machine, downloaded if necessary.

        :param why: the reason why the host could not get it itself.
        """
        try:
            if self.run.learned.bundle is not None:
                return self.run.learned.bundle.get(item)
            self.board.step(self.node.name, f"fetching {item.file} to carry it there")
            return Web.of(self.node.host).get(item)
        except Unavailable as error:
            said = f"{item.file} cannot be downloaded there{f' ({why})' if why else ''}, nor here: {error}"
            raise HostFailed(Failure(said, error.hint)) from None


def _reason(answer: Answer) -> str:
    """Why a host could not get a file: the last line of its log."""
    return "; ".join(answer.texts.get("log", ())[-1:])


def reachable(items: Sequence[Item], *, none: bool = False, carried: Collection[str] = ()) -> list[Item]:
    """The files, with "-" for the address of each that the host cannot or need not download.

    :param none: the host downloads nothing.
    :param carried: names of files that were copied there.
    """
    return [
        replace(item, url="-") if none or item.file in carried or item.url.startswith("file:") else item
        for item in items
    ]
