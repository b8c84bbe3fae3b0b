"""Move the head: stop the old nodes, let another run start the new ones; if that fails, start the old ones again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.node.operations import destroy_script, stop_script
from tasks.phases.stop import stop
from tasks.report import handover
from tasks.report.console import Board
from tasks.run.failures import HostFailed, Stop
from tasks.run.head_files import HeadFiles, read_head_files, write_head_files
from tasks.run.run import Run
from tasks.run.stages import Known, Reached
from tasks.run.start import STOP_TIMEOUT
from tasks.run.step import Step, step
from tasks.run.work import work_ended
from tasks.ssh import RemoteError


def agree_to_move(name: str, *, remove_old: bool) -> Step:
    """The step that always asks. :param name: of the worker that becomes the head."""

    def work(run: Run) -> None:
        new = next(node for node in run.every() if node.name == name)
        if failure := run.failure(new):
            raise Stop(f"{name} cannot become the head: {failure.message}; nothing was changed", failure.hint)
        run.record.ends = work_ended(run, [node for node in run.chosen(Known) if node.runs])
        old = run.head().name
        fate = "leaves the cluster, with all that was installed there" if remove_old else "becomes a worker"
        workers = handover.names(node.name for node in run.workers() if node.name != name)
        lines = [
            f"move-head makes {name} the head of {run.cluster.name}, and {old} {fate}",
            f"  every node restarts{f', and {workers} join another address' if workers else ''}",
            "  clients, drivers and tunnels need the new address; the token stays the same",
            *(["  it ends:"] if run.record.ends else []),
            *(f"    {line}" for line in run.record.ends),
        ]
        run.options.agree(lines, f"move the head of {run.cluster.name}")

    return Step("Ask before the head moves", work)


def move(start_new: Callable[[Run, HeadFiles], int], back: Sequence[Step], name: str) -> Step:
    """The step that moves it.

    :param start_new: starts the cluster with the new head, and returns its exit status; whether the head has moved is
        in ``record.moved`` of this run.
    :param back: the steps that start what was stopped.
    """

    def work(run: Run) -> None:
        old = run.head(Known)
        stop(run)
        code, why = 1, ""
        if failure := run.failure(old):
            why = failure.message
        else:
            try:
                code = start_new(run, read_head_files(run, old))
            except (HostFailed, RemoteError) as error:
                why = str(error)
        if run.record.moved:
            if code:
                raise Stop(
                    f"{name} is the head now, but not all hosts have joined it", "fab deploy-cluster", code
                )
            return
        if code == 130:
            raise Stop(
                f"{old.name} is still the head in the hosts file", "fab deploy-cluster starts it again", 130
            )
        run.console.bad(
            f"{name} did not start as the head{f': {why}' if why else ''}", f"{old.name} starts again"
        )
        _stop_all(run)
        for one in back:
            one(run)
        raise Stop(f"the head has not moved: {old.name} runs again", "correct what is named above", code)

    return Step("Move the head", work, changes=True)


def put_kept(found: HeadFiles) -> Step:
    """The step that gives the new head what the old one has kept."""

    def work(run: Run) -> None:
        head = run.head(Known)

        def one(node: Known, board: Board) -> None:
            write_head_files(run, node, found, board)

        run.each("Hand over what the head kept", [head], one)
        if failure := run.failure(head):
            raise Stop("the new head has not taken what the old one kept", failure.hint)

    return Step("Hand over what the head kept", work, changes=True)


@step("Remove the old head", changes=True)
def remove_old_head(run: Run) -> None:
    """Once the new one runs; if that fails, the old head counts as a host that has left the hosts file."""

    def one(node: Reached, board: Board) -> None:
        script = destroy_script(node.host, run.cluster.name, sudo=node.sudo)
        run.ask(node, script, board, timeout=STOP_TIMEOUT)
        run.did(node, "removed")

    run.each("Remove the old head", [run.head(Reached)], one)


def _stop_all(run: Run) -> None:
    """Stops what the attempt has started, also where this run had nothing to stop."""

    def one(node: Reached, board: Board) -> None:
        run.ask(node, stop_script(run.cluster.name, sudo=node.sudo), board, timeout=STOP_TIMEOUT)

    run.each("Stop", run.living(Reached), one)
