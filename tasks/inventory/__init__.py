"""hosts.yml -> one frozen, complete, checked `Cluster`. No network."""

from tasks.inventory.cluster import Cluster, Host
from tasks.inventory.load import load
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
