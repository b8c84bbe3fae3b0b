"""Copy files to all hosts: only what differs travels, once over the operator's line, then from host to host."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tasks.inventory import Secret
from tasks.inventory.checks import RAY_WORKER_PORTS
from tasks.node import homes
from tasks.node.addresses import join
from tasks.node.sync import apply_script, clean_script, fetch_script, look_script, serve_script
from tasks.plan import sync as plan
from tasks.plan.sync import DELETE, FILE, Change
from tasks.report.console import Board
from tasks.run.failures import Failure, HostFailed, Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step
from tasks.run.sync_tree import Tree, pack
from tasks.runtimes.steps.pool import Pool, Source, address_of
from tasks.ssh import RemoteError
from tasks.text.wording import counted

TIMEOUT = 4 * 3600.0
BRIEFLY = 120.0
SHOWN = 10  # changes of a host that a dry run shows


@dataclass
class _Pack:
    """Contents for some hosts, as one file here."""

    sum: str
    file: Path
    hosts: frozenset[str]


@dataclass
class _Under:
    """What is known while it is under way."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    serves: set[str] = field(default_factory=set)


def sync(tree: Tree, *, delete: bool) -> Step:
    """The step that compares the files and copies them; a dry run only compares.

    :param delete: also removes what is not in the folder.
    """

    def work(run: Run) -> None:
        under = _compare(run, tree, delete=delete)
        if run.options.dry_run:
            _show(run, under)
        else:
            _Copy(run, tree, under).work()

    return Step("Copy the files", work, changes=True, dry_run=Step("Compare the files", work))


def _compare(run: Run, tree: Tree, *, delete: bool) -> _Under:
    under = _Under()

    def one(node: Known, board: Board) -> list[Change]:
        if node.connection.system == "windows":
            why = Failure("sync needs sh, which Windows does not have", "--limit '!HOST' leaves it out")
            raise HostFailed(why)
        script = look_script(run.cluster.name, tree.dest, [e.path for e in tree.entries], delete=delete)
        answer = run.ask(node, script, board, timeout=TIMEOUT)
        if "serves" in answer.values:
            under.serves.add(node.name)
        return plan.changes(tree.entries, plan.parse(answer.texts), delete=delete)

    found = run.each("Compare the files", run.chosen(Known), one)
    under.changes = {node.name: changes for node, changes in found.items()}
    return under


def _show(run: Run, under: _Under) -> None:
    for node in run.chosen(Known):
        changes = under.changes[node.name]
        run.console.print(f"{node.name}: {_counted(changes)}")
        for one in changes[:SHOWN]:
            run.console.print(f"    {one.what} {one.entry.path.removeprefix('./')}")
        if len(changes) > SHOWN:
            run.console.print(f"    … and {len(changes) - SHOWN} more")


def _counted(changes: Sequence[Change]) -> str:
    """``3 files, 1.2 MB, 1 to delete``; ``nothing to change``."""
    files = plan.contents(changes)
    copied = [one for one in changes if one.what == FILE]
    gone = sum(one.what == DELETE for one in changes)
    others = len(changes) - len(copied) - gone
    parts = [f"{counted(len(copied), 'file')}, {sum(files.values()) / 1e6:.1f} MB"] if copied else []
    parts += [f"{gone} to delete"] if gone else []
    parts += [counted(others, "other change")] if others else []
    return ", ".join(parts) or "nothing to change"


class _Copy:
    """The copy itself."""

    def __init__(self, run: Run, tree: Tree, under: _Under) -> None:
        self.run, self.tree, self.under = run, tree, under
        self.nodes = [node for node in run.chosen(Known) if under.changes[node.name]]
        self.packs: list[_Pack] = []
        self.pool: Pool | None = None
        self.on_the_way: list[Known] = []

    def work(self) -> None:
        if not self.nodes:
            return
        removed = {n.name: sum(one.what == DELETE for one in self.under.changes[n.name]) for n in self.nodes}
        if lines := [f"{name}: {counted(count, 'file')}" for name, count in removed.items() if count]:
            what = f"this removes files below {self.tree.dest}"
            self.run.options.agree([f"{what}:", *lines], what)
        with tempfile.TemporaryDirectory(prefix="rayfab-sync-") as folder:
            self._pack(Path(folder))
            try:
                seed = self._seed()
                # a host that alone lacks something gets it from here, all at the same time
                first = [node for node in self.nodes if node == seed or self._of(node, shared=False)]
                self.run.each("Send the files", first, lambda node, board: self._send(node, board, seed))
                if seed and not self.run.failure(seed):
                    self._serve_first(seed)
                takers = [
                    n
                    for n in self.nodes
                    if n != seed and self._of(n, shared=True) and not self.run.failure(n)
                ]
                self.run.each("Copy them from host to host", takers, self._take)
                good = [node for node in self.nodes if not self.run.failure(node)]
                self.run.each("Put them in their places", good, self._apply)
            finally:
                self._clean()

    def _pack(self, folder: Path) -> None:
        lacking = {node.name: plan.contents(self.under.changes[node.name]) for node in self.nodes}
        for number, (hosts, sums) in enumerate(plan.portions(lacking).items()):
            file = folder / f"{number}.tgz"
            with file.open("w+b") as out:
                self.packs.append(_Pack(pack(sums, self.tree.places, out), file, hosts))

    def _of(self, node: Known, *, shared: bool) -> list[_Pack]:
        return [one for one in self.packs if node.name in one.hosts and (len(one.hosts) > 1) == shared]

    def _seed(self) -> Known | None:
        """The host that gets what several lack, and serves it: the head if possible."""
        if not any(len(one.hosts) > 1 for one in self.packs):
            return None
        able = [node for node in self.nodes if node.name in self.under.serves]
        if not able:
            self.run.console.note(
                "no host has a Python 3 to serve the files with: each gets its own copy from here"
            )
        able.sort(key=lambda node: (not self._of(node, shared=True), not node.is_head))
        return next(iter(able), None)

    def _send(self, node: Known, board: Board, seed: Known | None) -> None:
        packs = self._of(node, shared=False)
        if node == seed:
            packs += [one for one in self.packs if len(one.hosts) > 1]
        self._carry(node, board, packs)

    def _carry(self, node: Known, board: Board, packs: Sequence[_Pack]) -> None:
        self.on_the_way.append(node)
        for one in packs:

            def told(sent: int, size: int) -> None:
                board.step(node.name, f"sending, {sent // 1_000_000} of {size // 1_000_000} MB")

            path = f"{homes.folder(node.facts, self.run.cluster.name)}/sync/{one.sum}.tgz"
            self.run.carry(node, one.file, path, on_bytes=told)

    def _serve_first(self, seed: Known) -> None:
        source = self.run.each("Serve the files", [seed], self._serve).get(seed)
        self.pool = Pool(source) if source else None

    def _serve(self, node: Known, board: Board) -> Source | None:
        """Serves what this host has; None if it cannot, and then each host gets its own copy."""
        try:
            address = address_of(self.run, node)
            token = Secret(secrets.token_hex(16))
            # the last of Ray's worker ports: a firewall between the hosts must allow it anyway
            last = node.host.ray.ports.max_worker or RAY_WORKER_PORTS[1]
            script = serve_script(self.run.cluster.name, address, (last, last - 1))
            answer = self.run.ask(node, script, board, timeout=BRIEFLY, RF_SEED=token)
        except (HostFailed, Stop) as error:
            why = error.failure.message if isinstance(error, HostFailed) else str(error)
            self.run.console.note(f"{node.name}: {why}; each host gets its own copy from here")
            return None
        return Source(node.name, address, int(answer.values["port"]), token)

    def _take(self, node: Known, board: Board) -> None:
        self.on_the_way.append(node)
        packs, failed = self._of(node, shared=True), []
        board.step(node.name, "waiting for its turn")
        while self.pool and (source := self.pool.borrow(failed)):
            try:
                crowded = self.pool.crowded
                script = fetch_script(
                    self.run.cluster.name, join(source.address, source.port), [one.sum for one in packs]
                )
                answer = self.run.ask(node, script, board, timeout=TIMEOUT, RF_SEED=source.token)
            finally:
                self.pool.give_back(source)
            if "no_source" not in answer.values:
                whole = len(packs) == sum(len(one.hosts) > 1 for one in self.packs)
                if crowded and whole and node.name in self.under.serves and (own := self._serve(node, board)):
                    self.pool.add(own)
                return
            failed.append(source)
        self._carry(node, board, packs)

    def _apply(self, node: Known, board: Board) -> None:
        changes = self.under.changes[node.name]
        packs = [one.sum for one in self.packs if node.name in one.hosts]
        script = apply_script(self.run.cluster.name, self.tree.dest, packs, [one.line() for one in changes])
        self.on_the_way.append(node)
        self.run.ask(node, script, board, timeout=TIMEOUT)
        self.run.did(node, _counted(changes))

    def _clean(self) -> None:
        for node in dict.fromkeys(self.on_the_way):
            with contextlib.suppress(HostFailed, RemoteError):
                self.run.ask(node, clean_script(self.run.cluster.name), timeout=BRIEFLY)
