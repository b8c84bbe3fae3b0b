"""Try the ports between the hosts, in every direction, before anything is started and where Ray has started.

All hosts get one script at the same time: it listens on the very ports that Ray will use, and connects to those of
the others. So a port that nobody listens on differs from one that a firewall closes. Once Ray listens itself, hosts
are tried as well on which nothing else could: without Python, with Windows, in containers whose ports are published.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from tasks.node.subject import Finding
from tasks.plan.reach import (
    ALL_PAIRS,
    blame,
    can_listen,
    message,
    needed_ports,
    opening,
    partners,
    ports_of,
)
from tasks.run.failures import Failure
from tasks.run.links import End, Tried, try_pairs
from tasks.run.run import Run
from tasks.run.stages import Known, Planned
from tasks.run.step import step

AT_ONCE = 50  # hosts that try each other at the same time
TITLE, AGAIN = "Try the ports between the hosts", "Try the ports of the nodes"


@step(TITLE)
def reach_all(run: Run) -> None:
    """For `fab check`: all hosts, whether a deploy would start them or not."""
    nodes = run.living(Planned)
    _reach(run, nodes, {node.name: node.desired.node_ip for node in nodes})


@step(TITLE)
def reach_started(run: Run) -> None:
    """For what starts nodes: the hosts that start, the head, and some of those that run already."""
    _reach_new(run, [node for node in run.chosen(Planned) if node.change.start])


@step(AGAIN)
def reach_running(run: Run) -> None:
    """The same once more for the nodes that this run has started, on the ports on which Ray listens now."""
    _reach_new(run, [node for node in run.living(Planned) if "started" in run.done(node)], running=True)


def _reach_new(run: Run, new: Sequence[Planned], *, running: bool = False) -> None:
    if all(node.is_head for node in new):
        return
    nodes = run.living(Planned)
    old = [node for node in nodes if node not in new and not node.is_head and node.facts.active]
    asked = [node for node in nodes if node.is_head or node in new or node in old[:ALL_PAIRS]]
    addresses = {node.name: node.desired.node_ip for node in nodes}
    _reach(run, asked, addresses, running=running, new={node.name for node in new})


def _reach(
    run: Run,
    asked: Sequence[Known],
    addresses: Mapping[str, str],
    *,
    running: bool = False,
    new: Container[str] | None = None,
) -> None:
    """Tries the ports between these hosts, and marks those that cannot take part as failed.

    :param running: Ray listens on all of them. :param new: see :func:`.blame`.
    """
    head = next((node for node in asked if node.is_head), None)
    workers = [node for node in asked if not node.is_head]
    if head is None or not workers:
        return
    size = max(AT_ONCE, run.cluster.parallel) - 1
    tried = Tried()
    for at in range(0, len(workers), size):
        _try(run, [head, *workers[at : at + size]], addresses, running, tried)
    for name, found in blame(tried.pairs, head.name, new).items():
        node = next(node for node in asked if node.name == name)
        target = next((n for n in asked if n.name == found[0].target), node)
        sources = sorted({addresses[pair.source] for pair in found if pair.target == target.name})
        way = opening(
            tried.firewalls.get(target.name, ""), needed_ports(target.subject), sources, target.name
        )
        why = message(name, found, head.name)
        run.console.bad(f"{name}: {why}" if len(found) > 1 else why, way)
        run.fail(node, Failure(why, way))
    if tried.silent:
        way = "fab deploy-cluster brings a Python; with it the ports are tried before Ray starts"
        run.record.notes += [
            Finding(name, "no Python is there to listen with", way, note=True) for name in tried.silent
        ]
        run.console.note(
            f"not tried: connections to {', '.join(tried.silent)}, where no Python is there to listen with"
        )


def _try(run: Run, nodes: Sequence[Known], addresses: Mapping[str, str], running: bool, tried: Tried) -> None:
    """Tries the ports between these hosts, the head first; where Ray runs its own, elsewhere those that it will use."""
    ends = {}
    for node in nodes:
        ports = ports_of(node.subject, running)
        listens = not (running or node.facts.active) and can_listen(node.subject)
        ours, theirs = (frozenset(ports) if on else frozenset() for on in (listens, running))
        ends[node.name] = End(addresses[node.name], ports, ours, theirs)
    by_name = {node.name: node for node in nodes}
    pairs = [
        (source, target)
        for source, target in partners(list(by_name), nodes[0].name)
        if running
        or ends[target].ours
        or (by_name[target].facts.active and can_listen(by_name[target].subject))
    ]
    try_pairs(run, AGAIN if running else TITLE, nodes, ends, pairs, tried)
