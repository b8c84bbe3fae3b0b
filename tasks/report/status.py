"""The state of the cluster as a table (``fab status --json`` prints it as JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.text import Text

from tasks.inventory.fold import folded
from tasks.language import cells, said
from tasks.report.console import Console
from tasks.report.table import MANY, Column
from tasks.text.wording import counted

SURVIVES = "workers, their actors and placement groups"
COLUMNS = (
    Column("host"),
    Column("role", as_text=str),
    Column("node ip"),
    Column("state"),
    Column("runtime", as_text=str),
    Column("ray", as_text="Ray {}".format),
    Column("python", as_text="Python {}".format),
    Column("cpus", as_text=lambda count: resource(count, "CPU"), each=True),
    Column("gpus", as_text=lambda count: resource(count, "GPU"), each=True),
    Column("problem", wraps=True),
)


def resource(count: str, what: str) -> str:
    """``1 CPU``, ``2 CPUs``, ``no GPUs``."""
    return counted("no" if count == "0" else count, what)


def show(console: Console, status: Mapping[str, Any]) -> None:
    """Print one row for each node; of many, those without a problem are counted below the table.

    :param status: the data of ``fab status --json``.
    """
    nodes = status["nodes"]
    fine = [] if console.every or len(nodes) <= MANY else [node for node in nodes if _is_fine(node)]
    console.table(COLUMNS, [_row(node) for node in nodes if node not in fine], fold=True)
    alike: dict[str, list[str]] = {}
    for node in fine:
        alike.setdefault(_kind(node), []).append(node["name"])
    for kind, names in alike.items():
        console.print(Text.assemble((f"{len(names)} alive", "green"), f": {folded(names)}  {kind}"))
    if state := said(head_state(status.get("head_state"))):
        console.print()
        for line in cells.wrapped(state, console.width or cells.columns(state)):
            console.print(Text(line))


def _is_fine(node: Mapping[str, Any]) -> bool:
    return node["alive"] and not node["problem"] and node["role"] != "head"


def _kind(node: Mapping[str, Any]) -> str:
    """What nodes may have in common: ``(uv, Ray 2.60.0, Python 3.12.1, 8 CPUs, no GPUs each)``."""
    parts = [node["runtime"]]
    parts += [f"{word} {node[key]}" for key, word in (("ray", "Ray"), ("python", "Python")) if node[key]]
    counts = (("cpus", "CPU"), ("gpus", "GPU"))
    parts += [resource(str(node[key]), word) for key, word in counts if node[key] is not None]
    return f"({', '.join(filter(None, parts))} each)"


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
