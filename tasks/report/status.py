"""The state of the cluster as a table and as JSON (the shape is settled in the contract)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from .console import Console

COLUMNS = ("host", "role", "node ip", "state", "runtime", "ray", "python", "cpus", "gpus", "problem")


def show(console: Console, status: Mapping[str, Any]) -> None:
    """A row a node; ``status`` has the shape of ``fab status --json``."""
    console.table(COLUMNS, [_row(node) for node in status["nodes"]])


def _row(node: Mapping[str, Any]) -> Sequence[str | Text]:
    state = Text("alive", "green") if node["alive"] else Text("down", "red")
    cells = (node["ray"], node["python"], node["cpus"], node["gpus"])
    return (
        node["name"],
        node["role"],
        node["node_ip"] or "-",
        state,
        node["runtime"] or "-",
        *("-" if cell is None else str(cell) for cell in cells),
        node["problem"] or "",
    )
