"""The states of the hosts, for ``state:`` in ``--limit``: asked once in a process, before the run that they are for."""

from __future__ import annotations

from collections.abc import Callable

from invoke import Exit

from tasks.inventory import Cluster
from tasks.phases import operation
from tasks.run.operate import operate
from tasks.run.run import Run
from tasks.run.status import as_json

_asked: dict[Cluster, dict[str, set[str]]] = {}


def of(cluster: Cluster, new_run: Callable[[], Run]) -> dict[str, set[str]]:
    """Words of :data:`tasks.inventory.selection.STATES` for each host, by its name.

    :param new_run: makes the run that asks; it is called only if nobody has asked yet.
    :raises Exit: the question was interrupted.
    """
    if cluster not in _asked:
        run = new_run()
        found: dict = {}
        if operate(run, operation.STATUS, lambda r: found.update(as_json(r)), report=False) == 130:
            raise Exit(code=130)
        nodes = (found or as_json(run))["nodes"][: len(cluster.hosts)]
        _asked[cluster] = {n["name"]: {n["state"], "alive" if n["alive"] else "down"} for n in nodes}
    return _asked[cluster]
