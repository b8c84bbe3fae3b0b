"""What the user types next, with real values filled in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .console import Console, program
from .table import described

TOP = Path(__file__).parents[2]


def hosts(count: int) -> str:
    """``1 host``, ``3 hosts``."""
    return "1 host" if count == 1 else f"{count} hosts"


def default_hosts_file() -> str:
    """The hosts file that is read where none is named: $RAY_HOSTS_FILE, else hosts.yml beside the fabfile."""
    named = os.environ.get("RAY_HOSTS_FILE")
    return os.path.abspath(os.path.expanduser(named or TOP / "hosts.yml"))


def commands(console: Console, hosts_file: str, lines: Sequence[tuple[str, str]]) -> None:
    """Commands and what each is for; the hosts file is named where it is not the default one."""
    path = os.path.abspath(os.path.expanduser(hosts_file))
    more = "" if path == default_hosts_file() else f" --hosts-file {shlex.quote(os.path.relpath(path))}"
    full = []
    for command, why in lines:
        name, _, rest = command.partition(" ")
        full.append((f"{program()} {name}{more}{' ' + rest if rest else ''}", why))
    for line in described(full, console.width):
        console.print(line)


def next_steps(console: Console, status: Mapping[str, Any], hosts_file: str) -> None:
    """After a deploy."""
    lines = [
        ("status", "what runs where"),
        ("dashboard", f"Ray's dashboard of {status['address']}, through a tunnel"),
        ("submit -- python job.py", "run a job"),
        ("logs", "the last lines of all nodes"),
    ]
    console.print("next:")
    commands(console, hosts_file, lines)
