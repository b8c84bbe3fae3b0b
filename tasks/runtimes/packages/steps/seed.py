"""`package_source: seed`: one host of each platform downloads the files, and the others copy them from there."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence

from tasks.inventory import Secret
from tasks.inventory.checks import RAY_WORKER_PORTS
from tasks.report.console import Board
from tasks.run.failures import HostFailed
from tasks.run.run import Run
from tasks.run.stages import Resolved
from tasks.runtimes.packages.lock import subdir
from tasks.runtimes.packages.seed_script import clean_script, serve_script
from tasks.runtimes.packages.steps.kits import Filling, Kits
from tasks.runtimes.steps.pool import Pool, Source, address_of
from tasks.ssh import RemoteError

BRIEFLY = 120.0


class Sharing:
    """The hosts that serve their stores, by platform."""

    def __init__(self, run: Run, kits: Kits) -> None:
        self.run, self.kits = run, kits
        self.installed: set[Resolved] = set()
        self._pools: dict[str, Pool] = {}
        self._serving: list[Resolved] = []

    def begin(self, nodes: Sequence[Resolved]) -> None:
        """Installs on one host of each platform, which then serves its store.

        :param nodes: the hosts to install on.
        """
        self.kits.begin(nodes)
        groups: dict[str, list[Resolved]] = {}
        for node in nodes:
            if self._takes(node):
                groups.setdefault(subdir(node.facts), []).append(node)
        seeds = {platform: self._seed(platform, takers) for platform, takers in groups.items()}
        seeds = {p: seed for p, seed in seeds.items() if seed and any(n != seed for n in groups[p])}
        fetching = [seed for seed in seeds.values() if seed in nodes]
        good = self.run.each("Get the packages once", fetching, self._install)
        self.installed |= set(good)
        serving = {seed: groups[p] for p, seed in seeds.items() if seed in good or seed not in fetching}

        def serve(seed: Resolved, board: Board) -> Source | None:
            self._complete(seed, serving[seed], board)
            return self._serve(seed, board)

        for node, source in self.run.each("Serve the packages", list(serving), serve).items():
            if source is not None:
                self._pools[subdir(node.facts)] = Pool(source)

    def _takes(self, node: Resolved) -> bool:
        # Windows hosts download their own files
        section = self.kits.recipe.section(node.host)
        return section.package_source == "seed" and node.facts.system != "Windows"

    def _seed(self, platform: str, takers: Sequence[Resolved]) -> Resolved | None:
        """A host that has the environment, the head if possible; else one that will get it."""
        name = self.kits.recipe.name
        same = [
            n for n in self.run.living(Resolved) if n.host.runtime == name and subdir(n.facts) == platform
        ]
        same.sort(key=lambda n: not n.is_head)
        having = [n for n in same if n.versions.env_id in n.facts.envs]
        return next(iter([*having, *sorted(takers, key=lambda n: not n.is_head)]), None)

    def _install(self, node: Resolved, board: Board) -> None:
        Filling(self.run, node, board, self.kits).install()

    def _complete(self, seed: Resolved, takers: Sequence[Resolved], board: Board) -> None:
        """Fetches the files that other hosts need and the seed itself does not, such as a build of Python."""
        have = {i.file for i in self.kits.of(seed).items} if seed in self.installed else set()
        wanted = {item.file: item for node in takers for item in self.kits.of(node).items}
        if lacking := [item for file, item in wanted.items() if file not in have]:
            Filling(self.run, seed, board, self.kits).fetch(lacking)

    def _serve(self, node: Resolved, board: Board) -> Source | None:
        """Serves the host's store. If it cannot, each host downloads its own files."""
        try:
            address = address_of(self.run, node)
            token = Secret(secrets.token_hex(16))
            # the last of Ray's worker ports: a firewall between the hosts must allow it anyway
            last = node.host.ray.ports.max_worker or RAY_WORKER_PORTS[1]
            script = serve_script(self.run.cluster.name, node.versions.env_id, address, (last, last - 1))
            answer = self.run.ask(node, script, board, timeout=BRIEFLY, RF_SEED=token)
        except HostFailed as failed:
            self.run.console.note(f"{node.name}: {failed.failure.message}; every host fetches for itself")
            return None
        self._serving.append(node)
        return Source(node.name, address, int(answer.values["port"]), token)

    def install(self, node: Resolved, board: Board) -> None:
        """Installs on a host, with files from another host if one serves them."""
        pool = self._pools.get(subdir(node.facts))
        filling = Filling(self.run, node, board, self.kits)
        if pool is None or not self._takes(node):
            filling.install()
            return
        board.step(node.name, "waiting for its turn")
        source = pool.borrow()
        try:
            crowded = pool.crowded
            filling.install(source)
        finally:
            pool.give_back(source)
        if crowded and (own := self._serve(node, board)):
            pool.add(own)

    def end(self) -> None:
        """Stops all servers."""
        for node in self._serving:
            with contextlib.suppress(HostFailed, RemoteError):
                self.run.ask(node, clean_script(self.run.cluster.name), timeout=BRIEFLY)
