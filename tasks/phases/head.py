"""What an operation requires of the head before it continues."""

from __future__ import annotations

from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Planned
from tasks.run.step import step


@step("See that the head answers")
def need_head(run: Run) -> None:
    head = run.head()
    if failure := run.failure(head):
        raise Stop("the head is needed for everything else, and it failed", failure.hint)


@step("See whether the head answers")
def note_missing_head(run: Run) -> None:
    """Only a note: workers can be stopped or removed without the head."""
    if run.failure(run.head()):
        run.console.note(
            "the head is unreachable, so this cluster is not locked: make sure that nobody else is changing it"
        )


@step("See that the head runs")
def need_running_head(run: Run) -> None:
    """For runs that may not start the head: a worker can only join a running head."""
    head = run.head(Known)
    if not run.may_change(head) and not head.facts.active:
        raise Stop("the cluster isn't running, so nothing can join it", "fab deploy-cluster starts it")


@step("See that the head is up to date")
def need_current_head(run: Run) -> None:
    """Workers that are started with the current settings would not fit a head that runs with older ones."""
    head = run.head(Planned)
    if not run.may_change(head) and head.change.start:
        raise Stop(f"the head is not up to date: {head.change}", "fab deploy-cluster, without --limit")
