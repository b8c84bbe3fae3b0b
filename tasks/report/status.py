"""The state of the cluster as a table (``fab status --json`` prints it as JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from tasks.report.console import Console
from tasks.report.table import Column

COLUMNS = (
    Column("host"),
    Column("role", as_text=str),
    Column("node ip"),
    Column("state"),
    Column("runtime", as_text=str),
    Column("ray", as_text="Ray {}".format),
    Column("python", as_text="Python {}".format),
    Column("cpus", as_text=lambda count: counted(count, "CPU"), each=True),
    Column("gpus", as_text=lambda count: counted(count, "GPU"), each=True),
    Column("problem", wraps=True),
)


def counted(count: str, what: str) -> str:
    """``1 CPU``, ``2 CPUs``, ``no GPUs``."""
    return f"1 {what}" if count == "1" else f"{'no' if count == '0' else count} {what}s"


def show(console: Console, status: Mapping[str, Any]) -> None:
    """Print one row for each node; ``status`` is the data of ``fab status --json``."""
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
