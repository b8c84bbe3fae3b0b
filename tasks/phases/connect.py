"""Connect to every host, all at once; the connections stay open to the end."""

from __future__ import annotations

from tasks.report.console import Board
from tasks.run.run import Node, Run, Stop
from tasks.run.target import target_of
from tasks.ssh import connect

title = "Connect"


def run(run: Run) -> None:
    def one(node: Node, board: Board) -> None:
        board.step(node.name, f"connecting to {node.host.host}")
        node.connection = connect(target_of(node.host, node.password, node.sudo_password), run.settings)

    run.each(
        title, [n for n in run.living if n.connection is None], one
    )  # none twice: a restart comes here again
    if not run.living:
        raise Stop("no host could be reached")


def close(run: Run) -> None:
    for node in [*run.nodes, *run.left_out]:
        if node.connection is not None:
            node.connection.close()
            node.connection = None
    run.settings.close()
