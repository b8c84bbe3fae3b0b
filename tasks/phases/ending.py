"""What running work a run would end: asked of the head, said, and agreed to before anything is changed.

A deploy asks after its plan and before the first installation. Images are pulled before that, since the plan needs
what is in them, and a pull ends nothing; only where a missing image makes a restart certain is it asked even earlier.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks import runtimes
from tasks.node.operations import work_script
from tasks.node.work import UNKNOWN, Work, ending, parse
from tasks.report import handover
from tasks.report.console import Board
from tasks.report.lines import clean
from tasks.run.run import HostFailed, Node, Run
from tasks.ssh import RemoteError

title = "Check running work"
PATIENCE = 20.0


def by_pull(run: Run) -> None:
    """Before anything is fetched: nodes that run and are restarted for it, whatever the plan adds."""
    lacking = [n for n in _active(run) if runtimes.of(n.host).certain_restart(n.subject)]
    if lacking and not run.dry_run:
        _agree(run, lacking, "restarts")


def by_change(run: Run) -> None:
    """What a deploy's plan would end; a dry run only notes it."""
    stopping = [n for n in _active(run) if n.change and n.change.start]
    if not {n.name for n in stopping} <= run.agreed:
        _agree(run, stopping, "restarts")


def by_stop(run: Run) -> None:
    """What stops with the chosen hosts."""
    _agree(run, _active(run), "stops")


def by_restart(run: Run) -> None:
    _agree(run, _active(run), "restarts")


def by_destroy(run: Run) -> None:
    """Asked whether anything runs or not."""
    run.ends = _ends(run, _active(run))
    some = "" if run.limit is None else f", of {len(run.cluster.hosts)} in the cluster"
    where = f"{handover.names(n.name for n in run.chosen)} ({handover.hosts(len(run.chosen))}{some})"
    what = "Ray, its environments, logs and settings" + (
        ", and the conda installed there" if run.purge else ""
    )
    ends = ", and ends:" if run.ends else ""
    lines = [
        f"this removes {what} of the cluster {run.cluster.name} from {where}{ends}",
        *_as_lines(run.ends),
    ]
    run.agree(lines, f"destroy {run.cluster.name}")


def said(run: Run) -> None:
    """At the end of a run: what it has ended."""
    if run.ends and any(n.did for n in run.nodes):
        for line in run.ends:
            if not line.startswith(UNKNOWN):
                run.console.note(f"ended {line}")


def _active(run: Run) -> list[Node]:
    return [n for n in run.chosen if n.facts is not None and _lives(n)]


def _lives(node: Node) -> bool:
    """Also a node that an interrupted run has left on its way up, of which the host remembers nothing yet."""
    return node.facts.active or node.facts.node_processes


def _agree(run: Run, stopping: Sequence[Node], verb: str) -> None:
    """Asks where work would end; where nothing is running there is nothing to ask."""
    if not stopping:
        return
    run.ends = _ends(run, stopping)
    if run.ends and not run.dry_run:
        names = handover.names(n.name for n in stopping)
        rest = "" if any(n.is_head for n in stopping) else "; work on other hosts continues"
        task = run.what.split()[0]
        lines = [f"{task} {verb} Ray on {names}, which ends{rest}:", *_as_lines(run.ends)]
        run.agree(lines, f"{task} would end running work")
    # with its head the whole cluster's work ends, so there is no more to ask
    run.agreed |= {n.name for n in (run.nodes if any(n.is_head for n in stopping) else stopping)}


def _as_lines(ends: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in ends]


def _ends(run: Run, stopping: Sequence[Node]) -> tuple[str, ...]:
    if not stopping:
        return ()
    states = {n.name: n.subject.state.get("node_ip", "") for n in run.nodes if n.facts is not None}
    names = {ip: name for name, ip in states.items() if ip}
    head_too = any(n.is_head for n in stopping)
    addresses = [states[n.name] for n in stopping]
    work = _work(run, [] if head_too else addresses)
    return ending(work, names, None if head_too else addresses)


def _work(run: Run, tasks_on: Sequence[str]) -> Work:
    head = run.head
    if head.facts is None or head.failure is not None:
        return Work(problem="the head cannot be reached")
    if not _lives(head):
        # without its head no work can go on
        return Work()
    address = head.subject.state.get("head") or run.head_address
    if not address:
        return Work(problem="the last start of the head was interrupted")
    script = work_script(run.cluster.name, address, tasks_on, timeout=PATIENCE, sudo=head.sudo)

    def one(node: Node, board: Board) -> Work:
        try:
            answer = run.ask(node, script, board, timeout=PATIENCE + 40.0)
        except (HostFailed, RemoteError) as error:
            return Work(problem=f"the head does not answer: {error}")
        log = [line for line in answer.texts.get("log", ()) if line.strip()]
        why = clean(log[-1].strip()) if log else "the driver returned nothing"
        return parse(answer.texts.get("answer", ()), f"Ray's head does not answer: {why}")

    work = run.each(title, [head], one)[head]
    # on a head that never came up, nothing can run
    return Work() if work.problem and not head.facts.active else work
