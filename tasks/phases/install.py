"""Install: on all hosts at once, the head included; nothing there waits for anything."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tasks.report.console import Board

from .packages import uv_binary_for, uv_version
from .plan import install_script
from .run import Node, Run

title = "Install"
TIMEOUT = 3600.0


def run(run: Run) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run.each(title, pending(run), lambda node, board: install(run, node, board, Path(folder)))


def pending(run: Run) -> list[Node]:
    """The nodes that lack what they run from. Images are there already: they were asked for their versions."""
    return [n for n in run.chosen if n.change and n.change.install and n.desired.kind != "docker"]


def install(run: Run, node: Node, board: Board, folder: Path) -> None:
    """Installs on one node. :param folder: a temporary one, for what has to be carried there."""
    answer = run.ask(node, install_script(run, node), board, timeout=TIMEOUT)
    if "need_uv" in answer.values:
        _carry_uv(node, board, folder)
        answer = run.ask(node, install_script(run, node, carried=True), board, timeout=TIMEOUT)
    if answer.values.get("changed") == "1":
        node.did.append("installed")


def _carry_uv(node: Node, board: Board, folder: Path) -> None:
    binary = uv_binary_for(node.host, node.facts, folder)

    def on_bytes(sent: int, total: int) -> None:
        board.step(node.name, f"carrying uv, {sent >> 20} of {total >> 20} MiB")

    target = f"{node.facts.home}/.rayfab/.uv/{uv_version()}/uv"
    node.connection.put(binary, target, mode=0o700, on_bytes=on_bytes)
