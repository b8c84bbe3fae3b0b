"""The node that a host should run, by its runtime, with what the hosts file asked for."""

from __future__ import annotations

from dataclasses import replace

from tasks import runtimes
from tasks.node.desired import Desired
from tasks.run.run import Run
from tasks.run.stages import Resolved


def desire(run: Run, node: Resolved, ip: str) -> Desired:
    """The node that the host should run.

    :param ip: its address.
    """
    runtime = runtimes.of(node.host)
    found = runtime.desire(node.subject, run.cluster.name, node.versions, ip, run.learned.head_address)
    return replace(found, runtime=runtime.name, asked=runtime.asked(node.host))
