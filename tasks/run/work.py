"""The work that Ray is running, and which part of it ends when nodes stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks import runtimes
from tasks.node.operations import work_script
from tasks.node.work import UNKNOWN, Work, ending, parse
from tasks.report.console import Board
from tasks.report.lines import clean
from tasks.run.failures import HostFailed
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.ssh import RemoteError

PATIENCE = 20.0  # seconds within which the head must answer


def work_ended(
    run: Run, stopping: Sequence[Known], *, deadline: str = "", kept: bool = False
) -> tuple[str, ...]:
    """Asks the head which running work ends when these nodes stop; one line for each item.

    :param deadline: they are drained first, with this deadline.
    :param kept: the head comes back with its state, so that what runs on other hosts goes on.
    """
    if not stopping:
        return ()
    states = {node.name: node.state.get("node_ip", "") for node in run.every(Known)}
    names = {ip: name for name, ip in states.items() if ip}
    head_too = not kept and any(node.is_head for node in stopping)
    addresses = [states[node.name] for node in stopping]
    work = _work(run, [] if head_too else addresses)
    return ending(work, names, None if head_too else addresses, deadline=deadline)


def work_ended_at(run: Run, nodes: Mapping[str, str]) -> tuple[str, ...]:
    """The same for nodes of which only the address is known. :param nodes: their names by their addresses."""
    return ending(_work(run, list(nodes)), dict(nodes), list(nodes)) if nodes else ()


def say_ended(run: Run) -> None:
    """Prints at the end of a run the work that it ended."""
    if run.record.ends and run.record.done:
        for line in run.record.ends:
            if not line.startswith(UNKNOWN):
                run.console.note(f"ended {line}")


def _work(run: Run, tasks_on: Sequence[str]) -> Work:
    head = run.head()
    if not isinstance(head, Known) or run.failure(head):
        return Work(problem="the head cannot be reached")
    if not head.runs:
        # no work runs without the head
        return Work()
    address = head.state.get("head") or run.learned.head_address
    if not address:
        return Work(problem="the last start of the head was interrupted")
    script = work_script(run.cluster.name, address, tasks_on, timeout=PATIENCE, sudo=head.sudo)

    def one(node: Known, board: Board) -> Work:
        try:
            answer = run.ask(node, script, board, timeout=PATIENCE + 40.0)
        except (HostFailed, RemoteError) as error:
            return Work(problem=f"the head does not answer: {error}")
        log = [line for line in answer.texts.get("log", ()) if line.strip()]
        why = clean(log[-1].strip()) if log else "the driver returned nothing"
        return parse(answer.texts.get("answer", ()), f"Ray's head does not answer: {why}")

    work = run.each("Check running work", [head], one)[head]
    # nothing can run on a head that never started, or whose start was interrupted before its raylet
    alive = head.facts.active and runtimes.of(head.host).life(head.facts).raylet is not False
    return work if alive or not work.problem else Work()
