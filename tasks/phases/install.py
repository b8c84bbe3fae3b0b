"""Install: on all hosts at once, the head included; nothing there waits for anything."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tasks.node.install import uv_script
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.runtimes.docker.image_scripts import image_script
from tasks.runtimes.packages.steps.kits import Kits
from tasks.runtimes.packages.steps.seed import Sharing
from tasks.runtimes.uv.steps.resolve import uv_binary_for, uv_version
from tasks.script.script import Script

TIMEOUT = 3600.0


def install(run: Run) -> None:
    """Installs on every chosen host that lacks something."""
    with Installation(run) as installation:
        waiting = pending(run)
        installation.begin(waiting)
        run.each("Install", [node for node in waiting if not run.failure(node)], installation.install)


def pending(run: Run) -> list[Planned]:
    """The hosts whose environment is missing. Images are there already: the plan needed to know their versions."""
    return [node for node in run.chosen(Planned) if node.change.install and node.desired.kind != "docker"]


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

    def begin(self, nodes: Sequence[Planned]) -> None:
        """What must be done on one host before the others can be installed."""
        self._sharing.begin([node for node in nodes if node.host.runtime == "conda"])

    def install(self, node: Planned, board: Board) -> None:
        """Installs on one host."""
        if node.host.runtime == "conda":
            if node not in self._sharing.installed:
                self._sharing.install(node, board)
            return
        answer = self.run.ask(node, install_script(self.run, node), board, timeout=TIMEOUT)
        if "need_uv" in answer.values:
            self._carry_uv(node, board)
            script = install_script(self.run, node, carried=True)
            answer = self.run.ask(node, script, board, timeout=TIMEOUT)
        if answer.values.get("changed") == "1":
            self.run.did(node, "installed")

    def _carry_uv(self, node: Planned, board: Board) -> None:
        binary = uv_binary_for(node.host, node.facts, Path(self._folder.name))

        def on_bytes(sent: int, total: int) -> None:
            board.step(node.name, f"carrying uv, {sent >> 20} of {total >> 20} MiB")

        target = f"{node.facts.home}/.rayfab/.uv/{uv_version()}/uv"
        self.run.carry(node, binary, target, mode=0o700, on_bytes=on_bytes)


def install_script(run: Run, node: Planned, *, carried: bool = False) -> Script:
    """Puts on the host what the node runs from. :param carried: uv has been copied there."""
    if node.desired.kind == "docker":
        return image_script(node.host, run.cluster.name, node.facts.arch, sudo=node.sudo)
    versions = node.desired.versions
    return uv_script(
        node.host,
        run.cluster.name,
        uv_version=uv_version(),
        env_id=versions.env_id,
        python=versions.python,
        python_path=versions.python_path,
        lock=versions.lock,
        carried=carried,
    )
