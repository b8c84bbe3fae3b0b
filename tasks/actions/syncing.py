"""What `fab sync` does: SRC:DEST, the folder, and the summary."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from tasks.actions import cli, consent
from tasks.actions.audit import folder
from tasks.commandline import Mistake
from tasks.inventory import accept
from tasks.phases import operation
from tasks.phases.head import note_missing_head
from tasks.phases.sync import sync as copy
from tasks.report import handover
from tasks.report.console import Console
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.sync_tree import Tree, read
from tasks.text.quoting import printed
from tasks.text.wording import counted, shown

# where --delete would remove what somebody else has put there
NOT_BELOW = ("", "/", "~", "/root", "/home", "/etc", "/usr", "/var", "/opt", "/tmp", "/srv", "/mnt", "/data")


def sync(
    what: str,
    hosts_file: str | None,
    limit: Sequence[str] | None,
    *,
    delete: bool,
    exclude: Sequence[str],
    dry_run: bool,
    yes: bool,
    debug: bool,
) -> None:
    """Copies SRC to DEST on the hosts; see the task."""
    source, dest = parts(what)
    if delete and not source.is_dir():
        raise Mistake("--delete is for a folder", "leave it out")
    if delete and dest.rstrip("/") in NOT_BELOW:
        raise Mistake(f"--delete: {dest} holds more than what is copied", "name a folder below it")
    if delete and not dry_run:
        consent.insist("sync --delete", yes)
    console = Console()
    try:
        tree = read(source, dest, exclude)
    except Stop as error:
        raise Mistake(str(error), error.hint) from None
    if tree.left:
        console.note(f"not copied, as it is no file, folder or link: {handover.names(tree.left)}")
    files = sum(one.kind == "file" for one in tree.entries)
    console.ok(f"{printed(str(source))} was read", f"{counted(files, 'file')}, {tree.size / 1e6:.1f} MB")
    flags = [*(["--delete"] if delete else []), *(word for one in exclude for word in ("--exclude", one))]
    run = cli.new_run(
        hosts_file,
        f"sync {printed(f'{source.absolute()}:{dest}', *flags)}",
        console=console,
        limit=limit,
        dry_run=dry_run,
        debug=debug,
        yes=yes,
    )
    cli.finish(run, (*operation.LOCKED_FACTS, note_missing_head, copy(tree, delete=delete)), _said(tree))


def parts(what: str) -> tuple[Path, str]:
    """``SRC:DEST``, or exit status 2."""
    source, colon, dest = what.rpartition(":")
    if not colon or not source or not dest:
        raise Mistake(f"expected SRC:DEST, got {shown(what)}", "fab sync ./data:/data/mine")
    with contextlib.suppress(ValueError):
        if accept.remote_path(dest) and dest.isprintable() and ".." not in dest.split("/"):
            path = Path(source).expanduser()
            if not path.exists():
                raise Mistake(f"there is no file and no folder {path}", "name one of this machine")
            return path, dest
    raise Mistake(f"{shown(dest)} is no place on a host", "an absolute path, or one that starts with ~/")


def _said(tree: Tree):
    def end(run: Run) -> None:
        if run.options.dry_run:
            run.console.note("dry run: nothing was changed")
            return
        done, good = len(run.record.done), len(run.chosen())
        if run.failed:
            run.console.bad(f"{tree.dest}: {good} of {handover.hosts(good + len(run.failed))} have it")
        elif done:
            run.console.ok(f"{tree.dest} is the same on {handover.hosts(good)}", f"{done} changed")
        else:
            run.console.ok(f"{tree.dest} is the same on {handover.hosts(good)}; nothing was changed")

    return end


def earlier(cluster: str, most: int = 5) -> list[dict[str, str]]:
    """The last copies that this machine has made to all hosts of a cluster, each once."""
    found: dict[str, dict[str, str]] = {}
    with contextlib.suppress(OSError, ValueError, RuntimeError, KeyError):
        for line in (folder() / "audit.jsonl").read_text("utf-8").splitlines():
            entry = json.loads(line)
            if entry["cluster"] == cluster and entry["what"].startswith("sync ") and entry["status"] == 0:
                found.pop(entry["what"], None)
                found[entry["what"]] = {"what": entry["what"], "when": f"as on {entry['when'][:10]}"}
    return list(found.values())[-most:]


def tell_joined(run: Run) -> None:
    """For `fab add-worker`: which files the other hosts have got from this machine, and how the new ones get them."""
    names = [node.name for node in run.chosen() if run.done(node)]
    if names and (found := earlier(run.cluster.name)):
        run.console.print("files that the other hosts have from here:")
        limit = printed(",".join(names))
        handover.commands(run.console, [(f"{one['what']} --limit {limit}", one["when"]) for one in found])
