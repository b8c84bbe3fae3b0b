"""Try the ports between the hosts, in every direction, before anything is started and where Ray has started.

All hosts get one script at the same time: it listens on the very ports that Ray will use, and connects to those of
the others. So a port that nobody listens on differs from one that a firewall closes. Once Ray listens itself, hosts
are tried as well on which nothing else could: without Python, with Windows, in containers whose ports are published.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Container, Mapping, Sequence

from tasks.node.operations import reach_script
from tasks.plan.reach import (
    ALL_PAIRS,
    Pair,
    blame,
    can_listen,
    message,
    needed_ports,
    opening,
    partners,
    ports_of,
)
from tasks.report.console import Board
from tasks.run.failures import Failure, HostFailed
from tasks.run.run import Run
from tasks.run.stages import Known, Planned
from tasks.run.step import step
from tasks.ssh import Answer, RemoteError

SECONDS = 6  # how long a host waits for the others
SURE = 0.7  # seconds that a host must have listened before the other's last try
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
    pairs: list[Pair] = []
    firewalls: dict[str, str] = {}
    silent: list[str] = []
    for at in range(0, len(workers), size):
        together = [head, *workers[at : at + size]]
        pairs += _wave(run, together, addresses, firewalls, silent, running)
    for name, found in blame(pairs, head.name, new).items():
        node = next(node for node in asked if node.name == name)
        target = next((n for n in asked if n.name == found[0].target), node)
        sources = sorted({addresses[pair.source] for pair in found if pair.target == target.name})
        way = opening(firewalls.get(target.name, ""), needed_ports(target.subject), sources, target.name)
        why = message(name, found, head.name)
        run.console.bad(f"{name}: {why}" if len(found) > 1 else why, way)
        run.fail(node, Failure(why, way))
    if silent:
        run.console.note(
            f"not tried: connections to {', '.join(silent)}, where no Python is there to listen with"
        )


def _wave(
    run: Run,
    nodes: Sequence[Known],
    addresses: Mapping[str, str],
    firewalls: dict[str, str],
    silent: list[str],
    running: bool,
) -> list[Pair]:
    by_name = {node.name: node for node in nodes}
    ports = {node.name: ports_of(node.subject, running) for node in nodes}
    listens = {node.name for node in nodes if not (running or node.facts.active) and can_listen(node.subject)}
    # Ray's own ports where it runs; where it does not, only those on which the script listens
    tried = [
        (source, target)
        for source, target in partners(list(by_name), nodes[0].name)
        if running
        or target in listens
        or (by_name[target].facts.active and can_listen(by_name[target].subject))
    ]
    token = secrets.token_hex(8)
    heard: dict[str, float] = {}
    ended: dict[str, float] = {}

    def one(node: Known, board: Board) -> Answer:
        lines = [
            f"{target} {addresses[target]} {port} {'ours' if target in listens else 'theirs'}"
            for source, target in tried
            if source == node.name
            for port in ports[target]
        ]
        own = ports[node.name] if node.name in listens else []
        came = sum(len(own) for _, target in tried if target == node.name)
        script = reach_script(
            run.cluster.name,
            node.name,
            own,
            lines,
            token=token,
            seconds=SECONDS,
            expect=came,
            version6=":" in addresses[node.name],
        )
        answer = run.ask(node, script, _Clock(board, node.name, heard), timeout=SECONDS + 30.0)
        ended[node.name] = time.monotonic()
        return answer

    answers = _ask(run, AGAIN if running else TITLE, nodes, one)
    bound = {}
    for name, answer in answers.items():
        firewalls[name] = answer.values.get("firewall", "")
        bound[name] = frozenset(int(port) for port in answer.all.get("listen", ()))
        if name in listens and not bound[name]:
            silent.append(name)
    out = []
    for source, target in tried:
        said = _said(answers.get(source), target)
        # a host that listened only after the other's last try says nothing about a firewall
        sure = target in heard and heard[target] + SURE < ended.get(source, 0.0)
        if target not in listens:
            out.append(
                Pair(source, target, addresses[target], said, frozenset(ports[target] if running else ()))
            )
        elif bound.get(target):
            known = {port: text for port, text in said.items() if port in bound[target]}
            out.append(Pair(source, target, addresses[target], known, bound[target] if sure else frozenset()))
    return out


def _ask(
    run: Run, title: str, nodes: Sequence[Known], one: Callable[[Known, Board], Answer]
) -> Mapping[str, Answer]:
    """A host on which this script fails takes part anyway: its connection may only have been slow."""

    def carefully(node: Known, board: Board) -> Answer | None:
        try:
            return one(node, board)
        except (HostFailed, RemoteError):
            return None

    found = run.each(title, nodes, carefully, together=True)
    return {node.name: answer for node, answer in found.items() if answer is not None}


def _said(answer: Answer | None, target: str) -> dict[int, str]:
    out = {}
    for line in answer.all.get("reach", ()) if answer else ():
        name, port, said = [*line.split(" ", 2), ""][:3]
        if name == target and port.isdigit():
            out[int(port)] = said
    return out


class _Clock:
    """Notes when a host reports that it listens."""

    def __init__(self, board: Board, name: str, heard: dict[str, float]) -> None:
        self._board, self._name, self._heard = board, name, heard

    def step(self, name: str, text: str) -> None:
        if text == "listening":
            self._heard[self._name] = time.monotonic()
        self._board.step(name, text)
