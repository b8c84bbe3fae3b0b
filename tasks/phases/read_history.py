"""Read what a head remembers of the changes to its cluster."""

from __future__ import annotations

from typing import Any

from tasks.node.operations import history_script
from tasks.report.console import Board
from tasks.run.history import parse
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import Step
from tasks.ssh import Answer


def read_history(into: list[dict[str, Any]]) -> Step:
    """The step that fills ``into``."""

    def work(run: Run) -> None:
        def one(node: Reached, board: Board) -> Answer:
            return run.ask(node, history_script(run.cluster.name), board, timeout=60.0)

        for answer in run.each("Read the history", [run.head(Reached)], one).values():
            into.extend(parse(answer.texts.get("history", ())))

    return Step("Read the history", work)
