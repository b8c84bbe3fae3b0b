"""What keeps Ray's folders small on a host, at each start of the node and once an hour.

It is ``drivers/prune.py``, or ``drivers/prune_windows.py``, which the loop there runs.
"""

from __future__ import annotations

from functools import cache

from tasks.inventory import Host
from tasks.script import files

# A shell's program: it runs its arguments now and once an hour, and ends with the process that has started it.
HOURLY = """\
while kill -0 "$PPID" 2>/dev/null; do
    "$@"
    minute=0
    while [ "$minute" -lt 60 ] && kill -0 "$PPID" 2>/dev/null; do
        sleep 60
        minute=$((minute + 1))
    done
done"""


@cache
def program() -> str:
    """The text is part of a node's hash: any change to it, even in a comment, restarts nodes at the next deploy."""
    return files.text("drivers", "prune")


@cache
def program_for_windows() -> str:
    """The same for Windows."""
    return files.text("drivers", "prune_windows")


def limits(host: Host, spill_dir: str, *folders: str) -> list[str]:
    """The arguments of the program that keeps to ``ray.logs``.

    :param spill_dir: the node's folder for spilled objects, '' for none.
    :param folders: Ray's own folder; those that do not exist are passed over.
    """
    logs = host.ray.logs
    return ["prune", str(logs.max.bytes), str(logs.days), str(logs.files), spill_dir, *folders]
