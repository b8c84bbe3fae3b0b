"""Many hosts try each other's ports at the same time, by one script on each."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.node.operations import reach_script
from tasks.plan.reach import Pair
from tasks.report.console import Board
from tasks.run.failures import HostFailed
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.ssh import Answer, RemoteError

SECONDS = 6  # how long a host waits for the others
SURE = 0.7  # seconds that a host must have listened before the other's last try


@dataclass(frozen=True)
class End:
    """What a host offers to the others.

    :param ports: those that the others try.
    :param ours: those of them on which the script listens.
    :param theirs: those of them on which a program certainly listens already.
    """

    address: str
    ports: Sequence[int]
    ours: frozenset[int] = frozenset()
    theirs: frozenset[int] = frozenset()


@dataclass
class Tried:
    """What the hosts have said.

    :ivar firewalls: what was found on each host that may keep others out.
    :ivar silent: hosts on which the script could not listen, although it should.
    """

    pairs: list[Pair] = field(default_factory=list)
    firewalls: dict[str, str] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)


def try_pairs(
    run: Run,
    title: str,
    nodes: Sequence[Known],
    ends: Mapping[str, End],
    pairs: Sequence[tuple[str, str]],
    tried: Tried,
) -> None:
    """Tries these pairs at the same time, and adds what is found to ``tried``."""
    token = secrets.token_hex(8)
    heard: dict[str, float] = {}
    ended: dict[str, float] = {}
    own: dict[str, list[str]] = {}
    comes: dict[str, int] = {}
    for source, target in pairs:
        comes[target] = comes.get(target, 0) + 1
        own.setdefault(source, []).append(target)

    def one(node: Known, board: Board) -> Answer:
        lines = [
            f"{target} {ends[target].address} {port} {'ours' if port in ends[target].ours else 'theirs'}"
            for target in own.get(node.name, ())
            for port in ends[target].ports
        ]
        listen = [port for port in ends[node.name].ports if port in ends[node.name].ours]
        script = reach_script(
            run.cluster.name,
            node.name,
            listen,
            lines,
            token=token,
            seconds=SECONDS,
            expect=comes.get(node.name, 0) * len(listen),
            version6=":" in ends[node.name].address,
        )
        answer = run.ask(node, script, Clock(board, node.name, heard), timeout=SECONDS + 30.0)
        ended[node.name] = time.monotonic()
        return answer

    answers = carefully(run, title, nodes, one)
    bound = {}
    for name, answer in answers.items():
        tried.firewalls[name] = answer.values.get("firewall", "")
        bound[name] = frozenset(int(port) for port in answer.all.get("listen", ()))
        if ends[name].ours and not bound[name] and name not in tried.silent:
            tried.silent.append(name)
    for source, target in pairs:
        end, there = ends[target], bound.get(target, frozenset())
        said = _said(answers.get(source), target)
        # a host that listened only after the other's last try says nothing about a firewall
        sure = target in heard and heard[target] + SURE < ended.get(source, 0.0)
        known = {port: text for port, text in said.items() if port not in end.ours or port in there}
        tried.pairs.append(
            Pair(source, target, end.address, known, end.theirs | (there if sure else frozenset()))
        )


def carefully(
    run: Run, title: str, nodes: Sequence[Known], one: Callable[[Known, Board], Answer]
) -> Mapping[str, Answer]:
    """A host on which this script fails takes part anyway: its connection may only have been slow."""

    def work(node: Known, board: Board) -> Answer | None:
        try:
            return one(node, board)
        except (HostFailed, RemoteError):
            return None

    found = run.each(title, nodes, work, together=True)
    return {node.name: answer for node, answer in found.items() if answer is not None}


def _said(answer: Answer | None, target: str) -> dict[int, str]:
    out = {}
    for line in answer.all.get("reach", ()) if answer else ():
        name, port, said = [*line.split(" ", 2), ""][:3]
        if name == target and port.isdigit():
            out[int(port)] = said
    return out


class Clock:
    """Notes when a host reports that it listens."""

    def __init__(self, board: Board, name: str, heard: dict[str, float]) -> None:
        self._board, self._name, self._heard = board, name, heard

    def step(self, name: str, text: str) -> None:
        if text == "listening":
            self._heard[self._name] = time.monotonic()
        self._board.step(name, text)
