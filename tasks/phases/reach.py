"""Reach the head: check that each worker that will start can connect to its ports, before anything is changed."""

from __future__ import annotations

from tasks.node.operations import reach_script
from tasks.report.console import Board
from tasks.run.failures import Failure, HostFailed
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.run.step import step

REACHED = ("open", "refused", "unknown")  # nothing listens there before the head has started


@step("Reach the head")
def reach_head(run: Run) -> None:
    head = run.head(Planned)
    ports = head.host.ray.ports
    asked = [head.host.ray.port, ports.node_manager, ports.object_manager]

    def one(node: Planned, board: Board) -> None:
        script = reach_script(run.cluster.name, head.desired.node_ip, asked)
        answer = run.ask(node, script, board, timeout=30.0)
        for line in answer.all.get("reach", ()):
            port, _, result = line.partition(" ")
            if result not in REACHED:
                why = f"cannot reach the head at {head.desired.node_ip} port {port}: {result}"
                hint = "is a firewall between the two? node_ip of the head can name another of its addresses"
                raise HostFailed(Failure(why, hint))

    run.each("Reach the head", [n for n in run.chosen(Planned) if not n.is_head and n.change.start], one)
