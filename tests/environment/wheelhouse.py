"""The folder `wheels` that a bundle brings along, for this machine and this Python."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.inventory import load
from tasks.node.platforms import conda_name
from tasks.runtimes.packages import operators
from tasks.runtimes.packages.web import Web
from tests.environment.checkout import TOP

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


def platform() -> str:
    return conda_name(os.uname().sysname, os.uname().machine)


def fill(checkout: Path, requirements: Sequence[str]) -> list[str]:
    """Puts the wheels of these requirements files there; their names."""
    host = load(TOP / "hosts.yml").head
    paths = [checkout / name for name in requirements]
    sets = [one for one in operators.choose(host, paths, [platform()]) if one.python == PYTHON]
    folder = checkout / "wheels"
    folder.mkdir()
    (folder / "wheels.json").write_bytes(operators.index(sets, paths))
    for item in operators.items(sets):
        shutil.copy(Web().get(item), folder / item.file)
    return [item.file for item in operators.items(sets)]
