"""Runs the phases of an operation in order, and tells the truth at its end, however it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from tasks import runtimes
from tasks.node.operations import unlock_script
from tasks.phases import (
    bring_up,
    connect,
    ending,
    plan,
    reach,
    resolve,
    resume,
    status,
    stop,
    validate,
    verify,
)
from tasks.report import failures, typed
from tasks.run import facts
from tasks.run.run import HostFailed, Run, Stop
from tasks.ssh import RemoteError

Phase = Callable[[Run], None]


def check(run: Run) -> None:
    """Before anything is connected: the files on this machine that runtimes install from are as they must be."""
    for name in runtimes.NAMES:
        runtimes.steps_by_name(name).check(run, installs=True)


def check_for_start(run: Run) -> None:
    """The same where nothing will be installed."""
    for name in runtimes.NAMES:
        runtimes.steps_by_name(name).check(run, installs=False)


# What runtimes bring to the hosts before anything is decided, such as Docker and its images.
PREPARE: Sequence[Phase] = tuple(
    phase for name in runtimes.NAMES for phase in runtimes.steps_by_name(name).preparing
)
READY: Sequence[Phase] = (check, connect.run, facts.run, validate.run)


def head_runs(run: Run) -> None:
    """A worker can only join a head that lives; asked where this run may not start it."""
    if run.head not in run.chosen and not run.head.facts.active:
        raise Stop("the cluster isn't running, so nothing can join it", "fab deploy-cluster starts it")


def head_is_up_to_date(run: Run) -> None:
    """And one that is as the hosts file says, or the workers would not fit."""
    if run.head not in run.chosen and run.head.change and run.head.change.start:
        raise Stop(f"the head is not up to date: {run.head.change}", "fab deploy-cluster, without --limit")


# The same for a dry run and a real one, so that both refuse the same.
PLAN: Sequence[Phase] = (
    *READY,
    head_runs,
    ending.by_pull,
    *PREPARE,
    resolve.run,
    plan.run,
    head_is_up_to_date,
    reach.run,
    ending.by_change,
)
CHANGE: Sequence[Phase] = (bring_up.run, verify.run)
# An interruption in one of these, or later, may have left something half done.
CHANGING = {bring_up.ahead, bring_up.run, stop.stop, stop.destroy}
DEPLOY: Sequence[Phase] = (*PLAN, *CHANGE)
IMAGES: Sequence[Phase] = (*READY, *PREPARE)
BUNDLE: Sequence[Phase] = (connect.run, facts.run)
STATUS: Sequence[Phase] = (connect.run, facts.run, status.run)
STOP: Sequence[Phase] = (connect.run, facts.run, ending.by_stop, stop.stop)
DESTROY: Sequence[Phase] = (connect.run, facts.run, ending.by_destroy, stop.destroy)
REMOVE: Sequence[Phase] = (connect.run, facts.run, ending.by_stop, stop.destroy)
REACH: Sequence[Phase] = (connect.run,)
# Nothing is fetched: what is missing is the business of a deploy.
START: Sequence[Phase] = (
    check_for_start,
    connect.run,
    facts.run,
    resume.deployed_only,
    validate.run,
    head_runs,
    resolve.run,
    plan.run,
    resume.start_only,
    reach.run,
    *CHANGE,
)
# Everything that can go wrong before the stop does so while the cluster still runs.
RESTART: Sequence[Phase] = (
    *READY[:-1],
    resume.deployed_only,
    validate.run,
    head_runs,
    ending.by_restart,
    *PREPARE,
    resolve.run,
    plan.run,
    head_is_up_to_date,
    resume.restart_all,
    reach.run,
    bring_up.ahead,
    stop.stop,
    resume.stopped,
    *CHANGE,
)


def operate(
    run: Run, phases: Sequence[Phase], end: Callable[[Run], None] | None = None, *, report: bool = True
) -> int:
    """Runs ``phases``; returns the exit status of the contract.

    :param end: says what has come out of it, while the connections are still open.
    :param report: print the table of failed hosts.
    """
    code = 0
    begun: list[Phase] = []
    try:
        for phase in phases:
            begun.append(phase)
            phase(run)
        if end is not None:
            end(run)
    except Stop as stop_:
        run.console.bad(str(stop_), stop_.hint)
        code = stop_.code
    except HostFailed as failed:
        run.console.bad(failed.failure.message, failed.failure.hint)
        code = 1
    except RemoteError as error:
        run.console.bad(str(error), error.hint)
        code = 1
    except Exception as error:
        # nobody shall read a traceback; whoever looks for the mistake asks for --debug
        if run.debug:
            raise
        run.console.bad(
            f"unexpected: {type(error).__name__}: {error}", "please report this; --debug shows more"
        )
        code = 1
    except KeyboardInterrupt:
        code = 130
        _interrupted(run, begun)
    finally:
        try:
            if code != 130:
                unlock(run)
        except KeyboardInterrupt:
            code = 130
            _interrupted(run, begun)
        connect.close(run)
    if run.failed:
        code = code or 1
        if report:
            report_failures(run)
    return code


def unlock(run: Run) -> None:
    """Gives the lock back; if that fails it dies with the connection."""
    if run.locked and run.head.connection is not None:
        with contextlib.suppress(RemoteError, HostFailed):
            run.ask(run.head, unlock_script(run.cluster.name, run.holder), None, timeout=20.0)
    run.locked = False


def report_failures(run: Run) -> None:
    """The hosts that failed, each with why, and what to do about it; then the lines of their logs."""
    run.console.print()
    failures.show(run.console, [(n.name, n.failure.message, n.failure.hint) for n in run.failed])
    for node in run.failed:
        if node.failure.log:
            run.console.print(f"\n{node.name}, last lines:")
            for line in node.failure.log[-10:]:
                run.console.print(f"  {line}")


def _interrupted(run: Run, begun: Sequence[Phase]) -> None:
    run.console.bad("interrupted")
    done = [f"{n.name}: {', '.join(n.did)}" for n in run.nodes if n.did]
    half = bool(CHANGING & {*begun}) or (bool(begun) and begun[-1] in PREPARE)
    none = "finished on no host" if half else "nothing was changed"
    run.console.print("  done: " + ("; ".join(done) or none))
    rest = [n.name for n in run.nodes if not n.did]
    if rest and run.changing:
        run.console.print("  unfinished: " + ", ".join(rest))
    if run.changing:
        run.console.print(f"  → {typed.again()} finishes the rest")
