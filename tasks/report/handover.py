"""What the user types next, with real values filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.inventory.fold import fold, folded
from tasks.inventory.ranges import expand
from tasks.language import said
from tasks.report.console import Console
from tasks.report.table import described
from tasks.report.typed import command
from tasks.text.quoting import printed
from tasks.text.wording import counted

FEW = 8  # names that are written out


def hosts(count: int) -> str:
    """``1 host``, ``3 hosts``."""
    return counted(count, "host")


def names(names: Iterable[str], most: int = 8) -> str:
    """``a, b, c``; of many ``node[01-30], mac``, or ``a, b, c and 30 more``."""
    every = list(names)
    if len(every) <= most:
        return ", ".join(every)
    patterns = fold(every)
    shown = patterns if len(patterns) <= most else patterns[: most - 1]
    rest = len(every) - sum(len(expand(pattern)) for pattern in shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def limit(names: Iterable[str]) -> str:
    """Hosts as the value of ``--limit`` or ``--host``, quoted: ``a,b,c``, and of many ``'node[01-30],mac'``."""
    every = list(names)
    return printed(",".join(every) if len(every) <= FEW else folded(every))


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
    console.print(f"{said('next')}:")
    commands(console, lines)
