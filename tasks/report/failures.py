"""Which hosts failed, why, and how to fix it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.text import Text

from tasks.report import handover
from tasks.report.console import Console
from tasks.report.table import Column
from tasks.report.typed import as_typed

COLUMNS = (Column("failed"), Column("why", wraps=True))
NAMED = 4


def show(console: Console, failures: Sequence[tuple[str, str, str]]) -> None:
    """Print a table of hosts and reasons, and below it each fix once, on a line that can be copied whole.

    :param failures: host, reason, fix; the fix may be empty.
    """
    console.table(COLUMNS, [(name, why) for name, why, _ in failures], fold=True)
    for fix, names in fixes([(name, hint) for name, _, hint in failures]):
        whom = "" if len(failures) == 1 else f"{some(names)}: "
        console.print(Text.assemble(("  → ", "yellow"), whom, as_typed(fix)))


def fixes(hints: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Each fix with its hosts. Commands that differ only in the host's name are merged into one."""
    found: dict[str, list[str]] = {}
    for name, hint in hints:
        if hint:
            alike = re.sub(rf"( --host ){re.escape(name)}(?![^\s;,)])", "\\1\0", hint)
            found.setdefault(alike, []).append(name)
    return [(hint.replace("\0", handover.limit(names)), names) for hint, names in found.items()]


def some(names: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join(names) if len(names) < NAMED + 2 else handover.names(names, NAMED + 1)
