"""The state of the cluster as a table (``fab status --json`` prints it as JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.text import Text

from tasks.language import cells, said
from tasks.report.console import Console
from tasks.report.table import Column

SURVIVES = "workers, their actors and placement groups"
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
    if state := said(head_state(status.get("head_state"))):
        console.print()
        for line in cells.wrapped(state, console.width or cells.columns(state)):
            console.print(Text(line))


def head_state(found: Mapping[str, Any] | None) -> str:
    """The line about the head's state; '' if nothing is known.

    :param found: ``head_state`` of ``fab status --json``.
    """
    if not found:
        return ""
    if not found["kept"]:
        return f"the head's state is in memory ({found['why']}): its restart ends all work"
    since = found["since"] and datetime.fromisoformat(found["since"]).astimezone().strftime("%Y-%m-%d %H:%M")
    size = f", {max(1, round(found['bytes'] / 1e6))} MB" if found["bytes"] else ""
    line = f"the head's state is kept{f' since {since}' if since else ''}{size}: its restart keeps {SURVIVES}"
    aside = f"; one that Ray could not open is in {found['put_aside']}" if found["put_aside"] else ""
    return line + aside


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
