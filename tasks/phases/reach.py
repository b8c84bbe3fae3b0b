"""Reach the head: from each worker that is to start, on the ports that matter, before anything is changed."""

from __future__ import annotations

from tasks.node.operations import reach_script
from tasks.report.console import Board
from tasks.run.run import Failure, HostFailed, Node, Run

title = "Reach the head"
REACHED = ("open", "refused", "unknown")


def run(run: Run) -> None:
    head = run.head
    ports = head.host.ray.ports
    asked = [head.host.ray.port, ports.node_manager, ports.object_manager]

    def one(node: Node, board: Board) -> None:
        script = reach_script(run.cluster.name, head.desired.node_ip, asked)
        answer = run.ask(node, script, board, timeout=30.0)
        for line in answer.all.get("reach", ()):
            port, _, said = line.partition(" ")
            if said not in REACHED:
                why = f"cannot reach the head at {head.desired.node_ip} port {port}: {said}"
                hint = "is a firewall between the two? node_ip of the head can name another of its addresses"
                raise HostFailed(Failure(why, hint))

    run.each(title, [n for n in run.chosen if n is not head and n.change and n.change.start], one)
