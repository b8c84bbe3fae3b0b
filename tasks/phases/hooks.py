"""Run the user's own scripts around a deploy, and show them in a dry run."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tasks.report import handover
from tasks.run.hooks import AFTER_JOIN, BEFORE_DEPLOY, hooks_of, run_hooks
from tasks.run.run import Run
from tasks.run.stages import Known, Planned
from tasks.run.step import step


@step("Show the hooks")
def show_hooks(run: Run) -> None:
    """For a dry run and a plan: what would run, and for which hosts."""
    _show(run, BEFORE_DEPLOY, run.chosen(Known))
    show_after_join(run)


@step("Show the hooks")
def show_after_join(run: Run) -> None:
    """For what deploys nothing: an upgrade."""
    _show(run, AFTER_JOIN, [node for node in run.chosen(Planned) if node.change.start])


def _show(run: Run, name: str, nodes: Sequence[Known]) -> None:
    if nodes and (hooks := hooks_of(run, name)):
        run.console.print(f"{name} would run for {handover.names(node.name for node in nodes)}:")
        for hook in hooks:
            run.console.print(Text(f"    {hook}"))


@step(f"Run {BEFORE_DEPLOY}", changes=True)
def before_deploy(run: Run) -> None:
    """Before anything is changed on a host; where one fails, nothing is."""
    run_hooks(run, BEFORE_DEPLOY, run.chosen(Known))


@step(f"Run {AFTER_JOIN}", changes=True)
def after_join(run: Run) -> None:
    """Where this run has started a node that has run a task; see also `stop_failed`."""
    run_hooks(run, AFTER_JOIN, [node for node in run.chosen(Planned) if "started" in run.done(node)])
