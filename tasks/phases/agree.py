"""Ask before running work ends: list it and wait for the user's consent, before anything is changed.

A deploy asks after its plan and before the first installation. Images are fetched before the plan, which needs to
know the versions in them. So if a missing image makes a restart certain, the deploy asks before it fetches.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks import runtimes
from tasks.node import gcs_store
from tasks.report import handover
from tasks.run.deployed import gone
from tasks.run.drain import not_drained
from tasks.run.run import Run
from tasks.run.stages import Known, Planned
from tasks.run.step import step
from tasks.run.work import work_ended
from tasks.text.durations import spelled

ASK = "Ask before running work ends"


@step(ASK)
def agree_to_certain_restarts(run: Run) -> None:
    """For nodes that a deploy restarts whatever its plan says: containers whose image is missing."""
    if not run.options.dry_run:
        _agree(run, [n for n in _running(run) if runtimes.of(n.host).certain_restart(n.subject)], "restarts")


@step(ASK)
def agree_to_changes(run: Run) -> None:
    """For the work that the plan of a deploy ends; a dry run only prints it."""
    stopping = [node for node in run.chosen(Planned) if node.runs and node.change.start]
    if not {node.name for node in stopping} <= run.record.agreed:
        head = run.head(Planned)
        _agree(run, stopping, "restarts", kept=gcs_store.survives(head.state, head.desired))


@step(ASK)
def agree_to_stop(run: Run) -> None:
    _agree(run, _running(run), "stops")


@step(ASK)
def agree_to_restart(run: Run) -> None:
    _agree(run, _running(run), "restarts")


@step(ASK)
def agree_to_drain(run: Run) -> None:
    """Names what ends in spite of the drain, and what ends if it is not done by the deadline."""
    missing = not_drained(run)
    seconds = run.options.deadline
    deadline = "" if missing or seconds is None else spelled(seconds)
    if missing and _running(run):
        run.console.note(missing)
    _agree(run, _running(run), "drains" if deadline else "stops", deadline)


@step("Ask before everything is removed")
def agree_to_destroy(run: Run) -> None:
    """Always asks, even if nothing is running."""
    run.record.ends = work_ended(run, _running(run))
    count = handover.hosts(len(run.chosen()))
    some = "" if run.options.limit is None else f", of {len(run.cluster.hosts)} in the cluster"
    where = f"{handover.names(node.name for node in run.chosen())} ({count}{some})"
    what = "Ray, its environments, logs and settings"
    what += ", and the conda installed there" if run.options.purge else ""
    ends = ", and ends:" if run.record.ends else ""
    lines = [f"this removes {what} of the cluster {run.cluster.name} from {where}{ends}"]
    if (left := gone(run)) and run.may_change(run.head()):
        names = handover.names(one.name for one in left)
        lines[:0] = [
            f"{names} left the hosts file, and afterwards nothing remembers how to reach them; "
            "fab deploy-cluster --prune removes them before"
        ]
    if not run.options.dry_run:
        run.options.agree([*lines, *_indented(run.record.ends)], f"destroy {run.cluster.name}")


def _running(run: Run) -> list[Known]:
    return [node for node in run.chosen(Known) if node.runs]


def _agree(run: Run, stopping: Sequence[Known], verb: str, deadline: str = "", *, kept: bool = False) -> None:
    """Asks if running work would end; otherwise there is nothing to ask.

    :param deadline: the nodes are drained first, with this deadline.
    :param kept: a head that restarts comes back with its state, so that what runs on other hosts goes on.
    """
    if not stopping:
        return
    run.record.ends = work_ended(run, stopping, deadline=deadline, kept=kept)
    head_too = not kept and any(node.is_head for node in stopping)
    if run.record.ends and not run.options.dry_run:
        names = handover.names(node.name for node in stopping)
        rest = "" if head_too else "; work on other hosts continues"
        task = run.options.what.split()[0]
        what = f"{verb} {names}, which ends or moves" if deadline else f"{verb} Ray on {names}, which ends"
        lines = [f"{task} {what}{rest}:", *_indented(run.record.ends)]
        run.options.agree(lines, f"{task} would end running work")
    if deadline:
        # what is done by the deadline has not ended: the drain says what is not
        run.record.ends = ()
    # if the head stops, the whole cluster's work ends, so no further question is needed
    run.record.agreed |= {node.name for node in (run.every() if head_too else stopping)}


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
