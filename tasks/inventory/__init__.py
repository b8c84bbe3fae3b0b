"""hosts.yml -> one frozen, complete, checked `Cluster`. No network.

The names are imported when they are first used: a runtime's section of the hosts file, which the models here are made
of, imports modules of this package itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.inventory.cluster import Cluster, Host
    from tasks.inventory.loader import load
    from tasks.inventory.problems import InventoryError, Problem
    from tasks.inventory.secret import Secret, SecretSource, SecretUnavailable

__all__ = [
    "Cluster",
    "Host",
    "InventoryError",
    "Problem",
    "Secret",
    "SecretSource",
    "SecretUnavailable",
    "load",
]
_WHERE = {
    "Cluster": "cluster",
    "Host": "cluster",
    "InventoryError": "problems",
    "Problem": "problems",
    "Secret": "secret",
    "SecretSource": "secret",
    "SecretUnavailable": "secret",
    "load": "loader",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    return found
