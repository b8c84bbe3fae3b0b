"""Keep what a head keeps, for `fab backup`, and put it back, for `fab restore`."""

from __future__ import annotations

from collections.abc import Callable

from tasks.node.desired import fingerprint
from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.head_files import HeadFiles, read_head_files, write_head_files
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step


def keep(into: Callable[[HeadFiles], None]) -> Step:
    """The step that reads it. A worker that cannot be asked is left out: only its lock might be missing."""

    def work(run: Run) -> None:
        head = run.head(Known)
        if not head.state:
            raise Stop(
                "nothing is deployed on the head, so there is nothing to keep", "fab deploy-cluster first"
            )
        for node in [node for node in run.failed if not node.is_head]:
            run.console.note(
                f"{node.name}: {run.failure(node).message}; its locks are those of the other hosts"
            )
            run.forgive(node)
        into(read_head_files(run, head))

    return Step("Read what the head keeps", work, changes=True)


def put_back(found: HeadFiles, name: str) -> Step:
    """The step that puts it on a head that has no cluster of that name, or this one. :param name: of the backup."""

    def work(run: Run) -> None:
        head = run.head(Known)
        wanted = fingerprint(found.token.reveal()) if found.token else ""
        if head.state.get("token", wanted) != wanted:
            raise Stop(
                f"{head.name} has a cluster {run.cluster.name} with another token than that in {name}: "
                "nothing was changed",
                "fab destroy removes it",
            )
        if head.runs:
            run.console.note(f"{head.name} runs, so its token and its state stay as they are")
            return

        def one(node: Known, board: Board) -> None:
            write_head_files(run, node, found, board)

        run.each("Put back what the head kept", [head], one)
        if failure := run.failure(head):
            raise Stop("the head has not taken what was kept, and no file was changed here", failure.hint)

    return Step("Put back what the head kept", work, changes=True)
