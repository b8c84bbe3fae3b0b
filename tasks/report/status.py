"""The state of the cluster as a table (as JSON its shape is the contract's)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from tasks.report.console import Console
from tasks.report.table import Column

COLUMNS = (
    Column("host"),
    Column("role", said=str),
    Column("node ip"),
    Column("state"),
    Column("runtime", said=str),
    Column("ray", said="Ray {}".format),
    Column("python", said="Python {}".format),
    Column("cpus", said=lambda count: counted(count, "CPU"), each=True),
    Column("gpus", said=lambda count: counted(count, "GPU"), each=True),
    Column("problem", wraps=True),
)


def counted(count: str, what: str) -> str:
    """``1 CPU``, ``2 CPUs``, ``no GPUs``."""
    return f"1 {what}" if count == "1" else f"{'no' if count == '0' else count} {what}s"


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
