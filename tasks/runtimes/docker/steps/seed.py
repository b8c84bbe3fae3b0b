"""`image_source: seed`: one host gets the image, and the others copy it from there over their own network."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence

from tasks.inventory import Secret
from tasks.inventory.checks import RAY_WORKER_PORTS
from tasks.report.console import Board
from tasks.run.failures import HostFailed
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.runtimes.docker.facts import docker_of, image_of
from tasks.runtimes.docker.image.scripts import Piece, clean_script, cut_script, fetch_script, serve_script
from tasks.runtimes.docker.node import on_bridge
from tasks.runtimes.steps.pool import Pool, Source, address_of
from tasks.ssh import Answer, RemoteError

TIMEOUT = 4 * 3600.0
BRIEFLY = 120.0
Pull = Callable[[Run, Known, Board], None]
Arrived = Callable[[Run, Known, Answer, str], Known]


def seed_of(run: Run, takers: Sequence[Known]) -> Known | None:
    """The host that serves the image: one that has it, the head if possible; else one that can get it."""
    kind = image_of(takers[0].subject), takers[0].facts.arch
    same = [
        n
        for n in run.living(Known)
        if n.facts.system != "Windows"
        and n.host.runtime == "docker"
        and (image_of(n.subject), n.facts.arch) == kind
    ]
    same.sort(key=lambda n: not n.is_head)
    having = [n for n in same if docker_of(n.facts).image]
    getting = [n for n in same if run.may_change(n)]
    return next(iter([*having, *getting]), None)


def lacking(seed: Known, takers: Sequence[Known]) -> list[Known]:
    """The hosts that lack the seed's image; they may have another image of the same name."""
    return [
        n
        for n in takers
        if n != seed
        and not (docker_of(n.facts).image and docker_of(n.facts).image_ids & docker_of(seed.facts).image_ids)
    ]


class HandOn:
    """One image, copied from the seed to the other hosts.

    :param pull: called for a host that cannot get the image from another one.
    :param arrived: called for every host that has received the image.
    """

    def __init__(self, run: Run, seed: Known, pull: Pull, arrived: Arrived) -> None:
        self.run, self.seed, self.pull, self.arrived = run, seed, pull, arrived
        self.pieces: list[Piece] = []
        self.raw = 0
        self.pool: Pool | None = None
        self.serving: list[Known] = [seed]

    def to(self, takers: Sequence[Known]) -> None:
        """Copies the image to all of them; one that fails does not affect the others."""
        try:
            self.run.each("Prepare the image", [self.seed], self._prepare)
            self.run.each("Distribute the image", takers, self._take)
        finally:
            self._clean()

    def _prepare(self, node: Known, board: Board) -> None:
        try:
            script = cut_script(node.host, self.run.cluster.name, sudo=node.sudo)
            answer = self.run.ask(node, script, board, timeout=TIMEOUT)
            lines = [line.split() for line in answer.texts["piece"]]
            self.pieces = [(name, int(size)) for name, size in lines]
            self.raw = int(answer.texts["raw"][0])
            self.pool = Pool(self._serve(node, board))
        except HostFailed as failed:
            self.run.console.note(f"{node.name}: {failed.failure.message}; every host pulls for itself")

    def _serve(self, node: Known, board: Board) -> Source:
        address = address_of(self.run, node)
        token = Secret(secrets.token_hex(16))
        # the last of Ray's worker ports: a firewall between the hosts must allow it anyway. If the server of a
        # killed run still uses it, Ray takes another port
        last = RAY_WORKER_PORTS[1]
        if not on_bridge(node.subject):
            last = node.host.ray.ports.max_worker or last
        asked = (last, last - 1)
        script = serve_script(node.host, self.run.cluster.name, address, asked, sudo=node.sudo)
        answer = self.run.ask(node, script, board, timeout=BRIEFLY, RF_SEED=token)
        return Source(node.name, address, int(answer.values["port"]), token)

    def _take(self, node: Known, board: Board) -> None:
        why = self._try_sources(node, board) if self.pool else ""
        if why is None:
            return
        if why:
            self.run.console.note(f"{node.name}: {why}; it pulls for itself")
        self.pull(self.run, node, board)

    def _try_sources(self, node: Known, board: Board) -> str | None:
        """None if the image was received; else the reason why no host could serve it."""
        failed: list[Source] = []
        why = ""
        board.step(node.name, "waiting for its turn")
        while source := self.pool.borrow(failed):
            try:
                keep = self.pool.crowded
                answer = self._fetch(node, board, source, keep)
            finally:
                self.pool.give_back(source)
            if "no_source" not in answer.values:
                self.arrived(self.run, node, answer, f"took the image from {source.name}")
                if keep:
                    self._join(node, board)
                return None
            why = answer.values["no_source"]
            failed.append(source)
        return why

    def _fetch(self, node: Known, board: Board, source: Source, keep: bool) -> Answer:
        script = fetch_script(
            node.host,
            self.run.cluster.name,
            self.pieces,
            self.raw,
            source=(source.name, source.address, source.port),
            want=docker_of(self.seed.facts).image,
            keep=keep,
            sudo=node.sudo,
        )
        return self.run.ask(node, script, board, timeout=TIMEOUT, RF_SEED=source.token)

    def _join(self, node: Known, board: Board) -> None:
        """Makes a host that has the image serve it to those that are waiting."""
        self.serving.append(node)
        if self.pool.crowded:
            # a host that cannot serve still has its own image
            with contextlib.suppress(HostFailed, RemoteError):
                self.pool.add(self._serve(node, board))

    def _clean(self) -> None:
        """Stops all servers."""
        for node in self.serving:
            with contextlib.suppress(HostFailed, RemoteError):
                script = clean_script(self.run.cluster.name, sudo=node.sudo)
                self.run.ask(node, script, timeout=BRIEFLY)
