"""Runs the steps of an operation in order, and always reports what was really done, also after a failure."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from rich.text import Text

from tasks.node.operations import unlock_script
from tasks.report import events, failures, handover, typed
from tasks.run import history
from tasks.run.deployed import to_write
from tasks.run.failures import HostFailed, Stop, failure_of
from tasks.run.hooks import run_on_failure
from tasks.run.result import result
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.run.step import Step, in_dry_run
from tasks.ssh import RemoteError


def operate(
    run: Run, steps: Sequence[Step], end: Callable[[Run], None] | None = None, *, report: bool = True
) -> int:
    """Runs the steps, in a dry run only those that change nothing.

    :param end: reports the result, while the connections are still open.
    :param report: print the table of failed hosts.
    :returns: the exit status.
    """
    steps = in_dry_run(steps) if run.options.dry_run else steps
    code, began = 0, time.monotonic()
    events.emit(
        "begun", command=run.options.what, cluster=run.cluster.name, hosts=[node.name for node in run.every()]
    )
    try:
        for step in steps:
            if run.options.debug:
                run.console.print(f"=== {step.title}")
            step(run)
        if end is not None:
            end(run)
    except Exception as error:
        # users never see a traceback; --debug is for those who look for the bug
        if run.options.debug and not isinstance(error, (Stop, HostFailed, RemoteError)):
            raise
        why = run.record.why = failure_of(error)
        run.console.bad(why.message, why.hint)
        code = error.code if isinstance(error, Stop) else 1
    except KeyboardInterrupt:
        code = 130
        _report_interruption(run, steps)
    finally:
        try:
            if code in (0, 1) and any(step.locks for step in steps) and not run.options.dry_run:
                run_on_failure(run)
            if code != 130:
                unlock(run, code)
        except KeyboardInterrupt:
            code = 130
            _report_interruption(run, steps)
        run.close()
    if run.failed:
        code = code or 1
        if report:
            report_failures(run)
    if code:
        _say_what_goes_on(run)
    events.emit("result", **result(run, code, time.monotonic() - began))
    if why := events.lost():
        run.console.note(f"--events: {why}, so the file is not complete")
    return code


def unlock(run: Run, code: int) -> None:
    """Releases the lock, and lets the head remember this run; if that fails, the lock ends with the connection."""
    if run.record.locked:
        with contextlib.suppress(RemoteError, HostFailed):
            lines = history.lines(run, code)
            script = unlock_script(run.cluster.name, run.options.holder, to_write(run), lines)
            run.ask(run.head(Reached), script, timeout=20.0)
    run.record.locked = False


def report_failures(run: Run) -> None:
    """Prints the failed hosts, each with the reason and its fix, then the last lines of their logs."""
    run.console.print()
    failed = [(node.name, run.record.failures[node.name]) for node in run.failed]
    failures.show(run.console, [(name, failure.message, failure.hint) for name, failure in failed])
    for name, failure in failed:
        if failure.log:
            run.console.print(f"\n{name}, last lines:")
            for line in failure.log[-10:]:
                run.console.print(Text(f"  {line}"))


def _say_what_goes_on(run: Run) -> None:
    if found := run.record.goes_on:
        run.console.note(f"{found.what}:")
        handover.commands(run.console, found.commands)


def _report_interruption(run: Run, steps: Sequence[Step]) -> None:
    run.console.bad("interrupted")
    if run.record.goes_on:
        return
    done = [f"{node.name}: {', '.join(run.done(node))}" for node in run.every() if run.done(node)]
    none = "finished on no host" if run.record.touched else "nothing was changed"
    run.console.print("  done: " + ("; ".join(done) or none))
    if not any(step.locks for step in steps):
        return
    rest = [node.name for node in run.every() if not run.done(node)]
    if rest:
        run.console.print("  unfinished: " + ", ".join(rest))
    run.console.print(f"  → {typed.again()} finishes the rest")
