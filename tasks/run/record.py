"""What a run has learned about its cluster, and what it has done on each host."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tasks.inventory import Secret
from tasks.node.kept import Records
from tasks.node.subject import Finding
from tasks.plan.deployed import Deployed
from tasks.run.failures import Failure
from tasks.run.stages import Listed
from tasks.runtimes.packages.bundle import Bundle


@dataclass
class Learned:
    """What is known about the cluster as a whole.

    :param request: a digest of the requested versions; while it is the same, the chosen versions are kept.
    :param head_address: ``address:port`` of Ray's head; empty while unknown.
    :param token: the cluster's token; None while no node needs it.
    :param table: the entries of Ray's own node table.
    :param versions: Ray's and Python's version as Ray reports them, under ``ray`` and ``python``.
    :param ray_nodes: the table's entry for each host that has one, by the host's name.
    :param kept: what each host can start again, by the host's name.
    :param outage: seconds from the first stop to a task on every node, where nodes were switched.
    :param bundle: the opened bundle of ``--bundle``.
    """

    request: str = ""
    head_address: str = ""
    token: Secret | None = None
    table: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    ray_nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    bundle: Bundle | None = None
    kept: dict[str, Records] = field(default_factory=dict)
    outage: float | None = None


@dataclass(frozen=True)
class GoesOn:
    """What continues on the hosts after this command has ended early.

    :param what: one sentence.
    :param commands: what shows or ends it, each beginning with the task's name, and its purpose.
    """

    what: str
    commands: tuple[tuple[str, str], ...]


@dataclass
class Record:
    """What happened on the hosts.

    :param begun: seconds since 1970 at which this run began, by this machine's clock.
    :param locked: this run holds the cluster's lock.
    :param has_locked: it has held it.
    :param cut_off: the holder of a lock that this run took over, as :attr:`tasks.run.options.Options.holder` says it.
    :param touched: a file, or a script that changes its host, has been sent.
    :param failures: by the host's name.
    :param notes: what was found on hosts that can go on.
    :param done: what was done, in order, by the host's name; a host without changes has no entry.
    :param left_out: hosts that this run leaves alone; tables still show them.
    :param gone: hosts that have left the hosts file and that this run has tried to remove.
    :param forgotten: hosts that the head is to forget, each as :attr:`tasks.plan.deployed.Deployed.place`.
    :param carried: what another head remembered of deployed hosts.
    :param moved: another host is the head now.
    :param agreed: names of the hosts whose nodes the user has agreed to stop.
    :param ends: the running work that this run ends, one line for each item.
    :param goes_on: what continues on the hosts if this run ends now.
    :param why: why the run ended early; hosts that failed by themselves are in ``failures``.
    """

    begun: float = field(default_factory=time.time)
    locked: bool = False
    has_locked: bool = False
    cut_off: str = ""
    touched: bool = False
    failures: dict[str, Failure] = field(default_factory=dict)
    notes: list[Finding] = field(default_factory=list)
    done: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[Listed] = field(default_factory=list)
    gone: list[Listed] = field(default_factory=list)
    forgotten: set[tuple[str, int | None]] = field(default_factory=set)
    carried: tuple[Deployed, ...] = ()
    moved: bool = False
    agreed: frozenset[str] = frozenset()
    ends: tuple[str, ...] = ()
    goes_on: GoesOn | None = None
    why: Failure | None = None
