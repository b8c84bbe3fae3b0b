"""Connect to hosts, all at once. The connections stay open to the end of the run."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.kept_lines import KeptLines
from tasks.run.run import Run
from tasks.run.stages import Listed, Reached
from tasks.run.step import Step, step
from tasks.run.target import target_of
from tasks.ssh import connect

TITLE = "Connect"
WAY_OUT = "the reason of each is below"


@step(TITLE)
def connect_all(run: Run) -> None:
    """Connects to all hosts, also those outside ``--limit``: their versions are needed too."""
    _connect(run, run.living())
    if not run.living():
        raise Stop("no host could be reached", WAY_OUT)


@step(TITLE)
def connect_chosen(run: Run) -> None:
    """Connects only to the hosts in ``--limit``, for operations that don't need the others."""
    _connect(run, run.chosen())
    if not run.chosen():
        raise Stop("no host could be reached", WAY_OUT)


def connect_again(kept: KeptLines) -> Step:
    """The step that connects only to hosts to which no connection is open, and raises nothing."""
    return Step(TITLE, lambda run: _connect(run, kept.take_up(run)))


def _connect(run: Run, nodes: Sequence[Listed]) -> None:
    def one(node: Listed, board: Board) -> Reached:
        board.step(node.name, f"connecting to {node.host.host}")
        target = target_of(node.host, node.passwords.login, node.passwords.sudo)
        return node.reached(connect(target, run.settings, lambda text: board.step(node.name, text)))

    run.grow(TITLE, nodes, one)
    whys: dict[str, list[str]] = {}
    for node in run.living(Reached):
        if node.connection.why:
            whys.setdefault(node.connection.why, []).append(node.name)
    for why, names in whys.items():
        run.console.note(f"{', '.join(names)}: reached through the system's own ssh, because of {why}")
