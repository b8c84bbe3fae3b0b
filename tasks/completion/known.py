"""What the value of a flag can be: hosts, files, or one of a few words."""

from __future__ import annotations

from typing import Any

from tasks import runtimes
from tasks.inventory.selection import STATES
from tasks.node.logfiles import COMPONENTS
from tasks.node.platforms import CONDA
from tasks.runtimes.packages.operators import PLATFORMS
from tasks.testbed.image import FLAVOURS
from tasks.testbed.kinds import KINDS

SHELLS = ("bash", "zsh", "fish")

FREE: dict[str, Any] = {"is": "free"}
FILES = {"is": "files"}
JOB = {"is": "job"}
# lists with commas
HOSTS = {"is": "hosts", "of": list(STATES)}
WORKERS = {"is": "workers", "of": list(STATES)}

# a flag of any task
FLAGS: dict[str, dict[str, Any]] = {
    "hosts-file": FILES,
    "output": FILES,
    "events": FILES,
    "from": FILES,
    "working-dir": FILES,
    "bundle": FILES,
    "image": FILES,
    "limit": HOSTS,
    "host": {"is": "host"},
    "runtime": {"is": "choice", "of": list(runtimes.NAMES)},
    "component": {"is": "choices", "of": [*COMPONENTS, "all"]},
    "flavour": {"is": "choice", "of": list(FLAVOURS)},
    "as": {"is": "choice", "of": ["list", *KINDS]},
    "platform": {"is": "choices", "of": sorted(CONDA)},
    "operator": {"is": "choices", "of": sorted(PLATFORMS)},
    "shell": {"is": "choice", "of": list(SHELLS)},
}
# flags that mean something else in one task
OF_TASK: dict[tuple[str, str], dict[str, Any]] = {
    ("logs", "host"): HOSTS,
    ("add-worker", "host"): {"is": "worker"},
    ("remove-worker", "host"): WORKERS,
    ("doctor", "host"): HOSTS,
    ("drain", "host"): WORKERS,
    ("maintenance", "host"): WORKERS,
    ("init", "host"): FREE,
    ("jobs", "what"): {"is": "choice", "of": ["logs", "stop"]},
    ("jobs", "job"): JOB,
    ("test", "only"): FILES,
    ("sync", "what"): FILES,
    ("bundle", "check"): FILES,
}
# the program's own flags
CORE = {
    "help": {"is": "task"},
    "hosts": HOSTS,
    "identity": FILES,
    "config": FILES,
    "ssh-config": FILES,
    "search-root": FILES,
}


def value(task: str, argument) -> dict[str, Any]:
    """What can follow a task's flag."""
    if argument.kind not in (str, list):
        return FREE
    name = argument.name.strip("_").replace("_", "-")
    return OF_TASK.get((task, name)) or FLAGS.get(name, FREE)


def core_value(argument) -> dict[str, Any]:
    """What can follow one of the program's own flags."""
    return next((CORE[name] for name in argument.names if name in CORE), FREE)
