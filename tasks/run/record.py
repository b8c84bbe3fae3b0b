"""What a run has learned of its cluster, and what has become of the hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.inventory import Secret
from tasks.run.failures import Failure
from tasks.run.stages import Listed
from tasks.runtimes.packages.bundle import Bundle


@dataclass
class Learned:
    """What is known of the cluster as a whole.

    :param request: a digest of the versions asked for; the versions found for it stay while it stays the same.
    :param head_address: ``address:port`` of Ray's head; empty while it is not known.
    :param token: the cluster's token; None while no node needs it.
    :param table: the entries of Ray's own node table.
    :param versions: Ray's and Python's version as Ray reports them, under ``ray`` and ``python``.
    :param ray_nodes: the table's entry for each host that has one, by the host's name.
    :param bundle: the opened bundle of ``--bundle``.
    """

    request: str = ""
    head_address: str = ""
    token: Secret | None = None
    table: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    ray_nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    bundle: Bundle | None = None


@dataclass
class Record:
    """What has become of the hosts.

    :param locked: this run holds the cluster's lock.
    :param touched: a script that changes hosts, or a file, has been sent.
    :param failures: by the host's name.
    :param done: what was done, in order, by the host's name; no entry where nothing was.
    :param left_out: hosts that this run does not touch after all; tables still show them.
    :param agreed: names of the hosts whose nodes may be stopped.
    :param ends: the running work that this run ends, a line each.
    """

    locked: bool = False
    touched: bool = False
    failures: dict[str, Failure] = field(default_factory=dict)
    done: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[Listed] = field(default_factory=list)
    agreed: frozenset[str] = frozenset()
    ends: tuple[str, ...] = ()
