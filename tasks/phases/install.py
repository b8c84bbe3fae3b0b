"""Install: on all hosts at once, the head included; nothing there waits for anything."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tasks.phases.plan import install_script
from tasks.report.console import Board
from tasks.run.run import Node, Run
from tasks.runtimes.packages.steps.kits import Kits
from tasks.runtimes.packages.steps.seed import Sharing
from tasks.runtimes.uv.steps.resolve import uv_binary_for, uv_version

title = "Install"
TIMEOUT = 3600.0


def run(run: Run) -> None:
    with Installation(run) as installation:
        waiting = pending(run)
        installation.begin(waiting)
        run.each(title, [n for n in waiting if n.failure is None], installation.install)


def pending(run: Run) -> list[Node]:
    """The nodes that lack what they run from. Images are there already: they were asked for their versions."""
    return [n for n in run.chosen if n.change and n.change.install and n.desired.kind != "docker"]


class Installation:
    """What the hosts' installations share; with it a temporary folder comes and goes."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._sharing = Sharing(run, Kits(run))

    def __enter__(self) -> Installation:
        self._folder = tempfile.TemporaryDirectory(prefix="rayfab-install-")
        return self

    def __exit__(self, *exc: object) -> None:
        self._sharing.end()
        self._folder.cleanup()

    def begin(self, nodes: Sequence[Node]) -> None:
        """What has to be done on one host before the others can be installed."""
        self._sharing.begin([n for n in nodes if n.host.runtime == "conda"])

    def install(self, node: Node, board: Board) -> None:
        """Installs on one node."""
        if node.host.runtime == "conda":
            if node not in self._sharing.installed:
                self._sharing.install(node, board)
            return
        answer = self.run.ask(node, install_script(self.run, node), board, timeout=TIMEOUT)
        if "need_uv" in answer.values:
            _carry_uv(node, board, Path(self._folder.name))
            answer = self.run.ask(node, install_script(self.run, node, carried=True), board, timeout=TIMEOUT)
        if answer.values.get("changed") == "1":
            node.did.append("installed")


def _carry_uv(node: Node, board: Board, folder: Path) -> None:
    binary = uv_binary_for(node.host, node.facts, folder)

    def on_bytes(sent: int, total: int) -> None:
        board.step(node.name, f"carrying uv, {sent >> 20} of {total >> 20} MiB")

    target = f"{node.facts.home}/.rayfab/.uv/{uv_version()}/uv"
    node.connection.carry(binary, target, mode=0o700, on_bytes=on_bytes)
