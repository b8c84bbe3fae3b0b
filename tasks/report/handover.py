"""What the user types next, with real values filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.report.console import Console
from tasks.report.table import described
from tasks.report.typed import command


def hosts(count: int) -> str:
    """``1 host``, ``3 hosts``."""
    return "1 host" if count == 1 else f"{count} hosts"


def names(names: Iterable[str], most: int = 8) -> str:
    """``a, b, c``, or ``a, b, c and 30 more``."""
    every = list(names)
    shown = every if len(every) <= most else every[: most - 1]
    rest = len(every) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def commands(console: Console, lines: Sequence[tuple[str, str]]) -> None:
    """Print commands, ready to paste, with their purpose; ``lines`` begin with the task's name."""
    full = []
    for text, why in lines:
        task, _, rest = text.partition(" ")
        full.append((command(task, *([rest] if rest else [])), why))
    for line in described(full, console.width):
        console.print(line)


def next_steps(console: Console, status: Mapping[str, Any]) -> None:
    """The next commands after a deploy."""
    lines = [
        ("status", "what runs where"),
        ("dashboard", f"Ray's dashboard of {status['address']}, through a tunnel"),
        ("submit -- python job.py", "run a job"),
        ("logs", "the last lines of all nodes"),
    ]
    console.print("next:")
    commands(console, lines)
