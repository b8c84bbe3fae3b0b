"""The doctor's steps: a closer look at each host, connections and speed between them, repairs, a load."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tasks.node.health import burn_script, fix_script, health_script, parse_health
from tasks.node.operations import disk_script
from tasks.plan.burned import Part, parse_parts
from tasks.plan.health import Patient
from tasks.plan.links import apart, pairs_of, ports_to_try, ring, rounds
from tasks.report.console import Board
from tasks.run.disk import parse_usage
from tasks.run.doctor import Found, judged
from tasks.run.links import End, try_pairs
from tasks.run.node_address import node_ip
from tasks.run.run import Run
from tasks.run.speed import measure
from tasks.run.stages import Known
from tasks.run.step import Step, step
from tasks.text.wording import size

AT_ONCE = 50  # hosts that a host tries at the same time
SPEED_SECONDS, CAP = 2.0, 1 << 30  # for a pair, whichever comes first
FEW_ROUNDS, MOST_ROUNDS = 12, 200
BURN_CAP = 16 << 30
TITLE = "Try the ports between the hosts"


def _chosen(run: Run) -> list[Known]:
    """The hosts of the run, and the head, with which all others must be connected."""
    return [node for node in run.living(Known) if run.may_change(node) or node.is_head]


def look_closer(found: Found) -> Step:
    """Reads from each host what the facts leave out, and how its clock differs from this machine's."""

    def work(run: Run) -> None:
        skews: dict[str, float] = {}
        heard: dict[str, float] = {}

        def one(node: Known, board: Board) -> Patient:
            lock, address = node.lock_text, node_ip(run, node) or ""
            if node.facts.system == "Windows":
                return Patient(node.subject, None, None, lock, address)
            script = health_script(run.cluster.name, sudo=node.sudo)
            begun = time.time()
            answer = run.ask(node, script, _Skew(board, node.name, skews, heard), timeout=120.0)
            health = parse_health(answer.all, answer.texts)
            blur = heard.get(node.name, begun) - begun
            return Patient(node.subject, health, skews.get(node.name), lock, address, blur)

        for node, patient in run.each("Look closer", _chosen(run), one).items():
            found.patients[node.name] = patient
        found.addresses = {name: one.address for name, one in found.patients.items() if one.address}

    return step("Look closer")(work)


def connect(found: Found, *, full: bool) -> Step:
    """Tries ports from host to host: all with the head in both directions, a ring and one more for each worker."""

    def work(run: Run) -> None:
        nodes = [node for node in _chosen(run) if node.name in found.addresses]
        head = next((node.name for node in nodes if node.is_head), "")
        ends = {}
        for node in nodes:
            ports, ours, theirs = ports_to_try(node.subject)
            ends[node.name] = End(found.addresses[node.name], ports, ours, theirs)
        pairs = pairs_of([node.name for node in nodes], head, full=full)
        every = rounds(pairs, AT_ONCE)
        for number, now in enumerate(every, 1):
            title = TITLE if len(every) == 1 else f"{TITLE}, {number} of {len(every)}"
            busy = {name for pair in now for name in pair}
            try_pairs(run, title, [node for node in nodes if node.name in busy], ends, now, found.tried)

    return step(TITLE)(work)


def _ports_for_speed(run: Run, found: Found) -> dict[str, tuple[str, int]]:
    """Address and a free port of each host with a Python."""
    out = {}
    for node in _chosen(run):
        patient = found.patients.get(node.name)
        if patient and patient.health and patient.health.python and node.name in found.addresses:
            ports, ours, _ = ports_to_try(node.subject)
            free = [port for port in ports if port in ours]
            if free:
                out[node.name] = (found.addresses[node.name], free[-1])
    return out


def _open(found: Found, ends: dict[str, tuple[str, int]]) -> set[tuple[str, str]]:
    """The pairs that can be measured."""
    return {
        (one.source, one.target)
        for one in found.tried.pairs
        if one.source in ends and one.target in ends and one.said.get(ends[one.target][1]) == "open"
    }


def measure_speed(found: Found, *, full: bool) -> Step:
    """Bandwidth and latency of the pairs that are open: first a ring, so that each host sends and takes once."""
    title = "Measure bandwidth and latency"

    def work(run: Run) -> None:
        ends = _ports_for_speed(run, found)
        can = _open(found, ends)
        wanted = [*ring(list(ends)), *((one.source, one.target) for one in found.tried.pairs)]
        pairs = [pair for pair in dict.fromkeys(wanted) if pair in can]
        every = apart(pairs, MOST_ROUNDS if full else FEW_ROUNDS)
        found.unmeasured = len(pairs) - sum(map(len, every))
        if every:
            found.speeds = measure(run, title, _chosen(run), ends, every, seconds=SPEED_SECONDS, cap=CAP)

    return step(title)(work)


def judge(found: Found) -> Step:
    """Compares what was found. It asks nobody."""
    return step("Compare")(lambda run: found.outcomes.extend(judged(run, found)))


def repair(found: Found) -> Step:
    """Does what is safe about what was found, and keeps what it did."""
    title = "Repair what can be repaired safely"

    def work(run: Run) -> None:
        wanted: dict[str, list[str]] = {}
        for one in found.outcomes:
            for name in one.nodes if one.repair else ():
                wanted.setdefault(name, []).append(one.repair)
        nodes = [node for node in run.chosen(Known) if node.name in wanted]

        def one(node: Known, board: Board) -> list[tuple[str, str]]:
            return _repaired(run, node, board, list(dict.fromkeys(wanted[node.name])))

        for node, done in run.each(title, nodes, one).items():
            for what, why in done:
                found.repaired.append((node.name, what, why))
                if not why:
                    run.did(node, what)

    return step(title, changes=True)(work)


def _repaired(run: Run, node: Known, board: Board, wanted: Sequence[str]) -> list[tuple[str, str]]:
    """What was done on one host, each with the reason why it was not, or ''."""
    texts = {"clock": "NTP switched on", "name": "its name added to /etc/hosts", "tmp": "/tmp made writable"}
    out = []
    if "clean" in wanted:
        script = disk_script(node.host, run.cluster.name, "clean", sudo=node.sudo)
        answer = run.ask(node, script, board, timeout=600.0)
        items = parse_usage(answer.all, answer.texts).in_state("removed")
        freed = size(sum(item.size for item in items))
        out.append((f"freed {freed}", "" if items else "nothing was found that nothing needs"))
    if not (small := [name for name in wanted if name in texts]):
        return out
    if not node.facts.can_root:
        return [*out, *((texts[name], "root is required, and there is no sudo here") for name in small)]
    answer = run.ask(node, fix_script(run.cluster.name, small, sudo=node.sudo), board, timeout=120.0)
    for line in answer.all.get("fixed", ()):
        name, _, why = line.partition(" ")
        out.append((texts.get(name, name), "" if why == "ok" else why))
    return out


def burn(found: Found, seconds: int, names: frozenset[str] | None) -> Step:
    """Loads hosts for so long in all: CPU, memory, disk and GPU on each, then the network between them.

    :param names: only these hosts; None: all.
    """
    title = "Load the hosts"

    def work(run: Run) -> None:
        nodes = [node for node in run.chosen(Known) if names is None or node.name in names]
        each = seconds / (5 if any(node.facts.gpus for node in nodes) else 4)
        able = [
            node for node in nodes if (p := found.patients.get(node.name)) and p.health and p.health.python
        ]
        for node in nodes:
            if node not in able:
                found.burned[node.name] = [Part("cpu", None, "", why="there is no Python to load it with")]

        def one(node: Known, board: Board) -> list[Part]:
            script = burn_script(node.host, run.cluster.name, each, sudo=node.sudo)
            answer = run.ask(node, script, board, timeout=seconds * 2 + 120.0)
            return parse_parts(answer.all.get("burn", ()))

        for node, parts in run.each(title, able, one, together=True).items():
            found.burned[node.name] = parts
        ends = {name: end for name, end in _ports_for_speed(run, found).items() if name in found.burned}
        can = _open(found, ends)
        every = apart([pair for pair in ring(list(ends)) if pair in can], MOST_ROUNDS)
        if not every:
            return
        took = measure(
            run, "Load the network", able, ends, every, seconds=max(1.0, each / len(every)), cap=BURN_CAP
        )
        for speed in took:
            for name, part in ((speed.source, "network-out"), (speed.target, "network-in")):
                found.burned[name].append(Part(part, speed.rate * 8 / 1e6, "Mbit/s"))

    return step(title)(work)


class _Skew:
    """Notes how far a host's clock is ahead when its reading arrives, and when that was."""

    def __init__(self, board: Board, name: str, skews: dict[str, float], heard: dict[str, float]) -> None:
        self._board, self._name, self._skews, self._heard = board, name, skews, heard

    def step(self, name: str, text: str) -> None:
        word, _, value = text.partition(" ")
        if word != "clock":
            self._board.step(name, text)
            return
        now = self._heard[self._name] = time.time()
        # a clock that tells whole seconds is half a second late on average
        self._skews[self._name] = float(value) + (0.0 if "." in value else 0.5) - now
