"""Restart workers in batches: each is drained, stopped, started, and runs a task before the next one begins."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tasks.node.hold import RESTART
from tasks.report import handover, typed
from tasks.report.progress import batches_left
from tasks.run.drain import drain, hold, not_drained, reason, stop_nodes, why
from tasks.run.failures import Stop
from tasks.run.hooks import AFTER_JOIN, run_hooks
from tasks.run.prove import prove
from tasks.run.ray_table import expected
from tasks.run.rolling import Rolling, batch_size, batches
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.run.start import get_token, start, stop_again
from tasks.run.step import Step


def roll(how: Rolling) -> Step:
    """The step that restarts the chosen workers."""
    return Step("Restart in batches", lambda run: _roll(run, how), changes=True)


def _roll(run: Run, how: Rolling) -> None:
    every = run.chosen(Planned)
    done = set(how.progress.done)
    # one that an interrupted run has left held or stopped comes first
    left = [node for node in every if node.facts.hold or not node.facts.active]
    whole = [node for node in every if node not in left]
    rest = [*left, *(node for node in whole if node.name not in done)]
    if done:
        again = f"the restart of {how.progress.since} goes on: {handover.hosts(len(every) - len(rest))} done"
        run.console.note(f"{again}, {len(rest)} left")
    run.console.note(
        "the head is not restarted: fab restart does that, and ends the work of the whole cluster"
    )
    _need_few_failures(run, how, len(rest))
    size = batch_size(how.batch, len(every))
    groups = batches(rest, size, 0 if done else how.canary)
    if rest:
        get_token(run, rest)
    took: list[float] = []
    for number, group in enumerate(groups, start=1):
        names = handover.names(node.name for node in group)
        canary = ", the canary" if number == 1 and how.canary and not done and len(groups) > 1 else ""
        rest_of_time = batches_left(took, len(groups) - number + 1)
        run.console.print(f"batch {number} of {len(groups)}{canary}{rest_of_time}: {names}")
        began = time.monotonic()
        good = _restart(run, group)
        took.append(time.monotonic() - began)
        how.progress.mark([node.name for node in good])
        _need_few_failures(run, how, sum(len(one) for one in groups[number:]))
    if not groups:
        prove(run, expected(run))
    if failed := [node.name for node in run.failed if run.may_change(node)]:
        run.console.note(f"{typed.again()} restarts what has failed: {handover.names(failed)}")
    else:
        how.progress.end()


def _need_few_failures(run: Run, how: Rolling, left: int) -> None:
    failed = [node.name for node in run.failed if run.may_change(node)]
    if len(failed) > how.most_failures and left:
        raise Stop(
            f"failed: {handover.names(failed)}, more than --max-failures {how.most_failures}: "
            f"{handover.hosts(left)} not restarted",
            f"repair that, then {typed.again()} goes on where it was",
        )


def _restart(run: Run, nodes: Sequence[Planned]) -> list[Planned]:
    """Restarts nodes; those that have run a task since.

    :raises Stop: the head does not answer.
    """
    held = hold(run, nodes, reason(run, RESTART))
    if not not_drained(run):
        drain(run, held, why(run))
        if failure := run.failure(run.head()):
            raise Stop(failure.message, failure.hint)
    stopped = [run.now(node) for node in stop_nodes(run, held)]
    started = list(run.each("Start", stopped, lambda node, board: start(run, node, board)))
    if started:
        prove(run, started)
        run_hooks(run, AFTER_JOIN, [node for node in started if not run.failure(node)])
    # their supervisors would start them again for ever
    stop_again(run, [node for node in started if run.failure(node)])
    return [node for node in started if not run.failure(node)]
