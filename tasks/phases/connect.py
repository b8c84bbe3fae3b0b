"""Connect to every host, all at once; the connections stay open to the end."""

from __future__ import annotations

from tasks.report.console import Board
from tasks.run.run import Node, Run, Stop
from tasks.ssh import Target, connect

title = "Connect"


def target_of(node: Node) -> Target:
    """How remote shall reach a host."""
    host = node.host
    return Target(
        name=host.name,
        host=host.host,
        user=host.user,
        port=host.port,
        key=host.key,
        jump=host.jump,
        host_keys=host.host_keys,
        password=node.password,
        local=host.connection == "local",
        connect_timeout=host.connect_timeout,
    )


def run(run: Run) -> None:
    def one(node: Node, board: Board) -> None:
        board.step(node.name, f"connecting to {node.host.host}")
        node.connection = connect(target_of(node), run.settings)

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
