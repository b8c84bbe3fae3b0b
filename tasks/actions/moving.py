"""What `fab move-head` does: two runs, one over the old cluster and one over the new, and the hosts file in between."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from invoke import Exit

from tasks.actions import cli, consent, newcomers, summary
from tasks.commandline import Mistake
from tasks.inventory import Cluster, InventoryError, edit, swap
from tasks.inventory.edit import EditError
from tasks.inventory.loader import read
from tasks.phases import operation
from tasks.phases.move import agree_to_move, move, put_kept, remove_old_head
from tasks.phases.resume import note_stopped
from tasks.report.console import Console
from tasks.run.deployed import remembered
from tasks.run.failures import Stop
from tasks.run.head_files import HeadFiles
from tasks.run.operate import operate
from tasks.run.run import Run
from tasks.run.step import Step


def move_head(to: str | None, hosts_file: str | None, *, remove_old: bool, yes: bool, debug: bool) -> None:
    """Moves the head; ends with the contract's status."""
    if not to:
        raise Mistake("move-head needs --to", "fab move-head --to HOST")
    console = Console()
    path = cli.hosts_file(hosts_file)
    cluster = cli.read(hosts_file, console)
    new = cli.selected_one(cluster, to, flag="--to")
    if new == cluster.head:
        raise Mistake(f"--to {to} is the head of {cluster.name} already", "name one of its workers")
    consent.insist("move-head", yes)
    newcomers.need_writable(path)
    text, after = _after(cluster, path, new.name, remove_old=remove_old, console=console)
    start_new = functools.partial(
        _start_new, after, path, text, remove_old=remove_old, console=console, debug=debug
    )
    run = cli.make_run(cluster, console, f"move-head --to {to}", debug=debug, registry=True, yes=yes)

    def try_first(old: Run) -> None:
        """What a look at the hosts shows is found while the old head still runs."""
        again = cli.make_run(after, console, old.options.what, debug=debug, dry_run=True)
        if code := operate(again, operation.EXAMINE):
            raise Stop(
                f"{new.name} cannot become the head: nothing was changed", "correct what is above", code
            )

    # as a restart does it, once everything is stopped
    back = operation.RESTART[operation.RESTART.index(note_stopped) :]
    steps = (
        *operation.LEAVE,
        Step("See whether the new head could start", try_first),
        agree_to_move(new.name, remove_old=remove_old),
        move(start_new, back, new.name),
    )
    cli.finish(run, steps)


def _after(
    cluster: Cluster, path: Path, name: str, *, remove_old: bool, console: Console
) -> tuple[str, Cluster]:
    """The hosts file's new text and its cluster, or exit status 2."""
    try:
        return swap.with_head(read(cluster.path), path, name, keep_old=not remove_old)
    except InventoryError as error:
        for problem in error.problems:
            console.bad(str(problem))
        console.print(f"{name} cannot be the head; nothing was changed")
        raise Exit(code=2) from None
    except EditError as error:
        raise Mistake(
            f"{error}; nothing was changed",
            "write the roles by hand, then fab deploy-cluster: the token is new then",
        ) from None


def _start_new(
    after: Cluster,
    path: Path,
    text: str,
    old: Run,
    kept: HeadFiles,
    *,
    remove_old: bool,
    console: Console,
    debug: bool,
) -> int:
    """Starts the new cluster, and writes the hosts file once its head runs."""
    run = cli.make_run(after, console, old.options.what, debug=debug, registry=True, yes=True)
    run.record.carried = tuple(remembered(old))
    gone = old.cluster.head

    def end(run: Run) -> None:
        if failure := run.failure(run.head()):
            raise Stop(f"{run.head().name}: {failure.message}", failure.hint)
        try:
            edit.write(cli.file_to_change(path, console), text)
        except OSError as error:
            raise Stop(f"{path} cannot be written: {error.strerror}", "make its folder writable") from None
        old.record.moved = True
        if remove_old:
            remove_old_head(old)
        if "removed" in old.done(old.head()):
            run.record.forgotten.add((gone.host, gone.port))
        summary.deployed(run)
        console.ok(f"{after.head.name} is the head of {after.name}, in {path.name} as well")

    hand_over = put_kept(replace(kept, locks=""))
    rest = operation.DEPLOY[len(operation.PREPARE) :]
    return operate(run, (*operation.PREPARE, hand_over, *rest), end)
