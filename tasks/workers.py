"""add-worker, remove-worker."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from invoke import Exit

from tasks import cli, consent
from tasks.cluster import deployed, planned
from tasks.commandline import Mistake
from tasks.inventory import Cluster, InventoryError
from tasks.inventory.edit import EditError
from tasks.inventory.edit import add_worker as write_worker
from tasks.inventory.edit import remove_worker as erase_worker
from tasks.newcomers import Entry, entries, expanded, find, items, preview, with_names
from tasks.phases import ending, operation, stop
from tasks.report import handover
from tasks.report.console import Console
from tasks.run.run import Run, Stop

COMMON = {"hosts_file": cli.HOSTS_FILE, "debug": cli.DEBUG}
task = functools.partial(cli.task, iterable=["host"])


@task(
    name="add-worker",
    help={
        **COMMON,
        "host": "address, name or ssh alias, listed or new; comma-separated, as a range, or repeated",
        "name": "name of a new host in tables; for several hosts a range, such as gpu[1-4]",
        "user": "login user of new hosts",
        "port": "SSH port of new hosts",
        "dry_run": "show the plan; change nothing",
        "bundle": cli.BUNDLE,
        "yes": consent.YES,
    },
)
def add_worker(
    c,
    host=None,
    name=None,
    user=None,
    port=None,
    hosts_file=None,
    dry_run=False,
    bundle=None,
    yes=False,
    debug=False,
):
    """
    Join machines to the running cluster and touch no other.

    A host that is not in the hosts file is written into it once it runs; comments stay.
    """
    console = Console()
    path = cli.hosts_file(hosts_file)
    named = items(host, "add-worker")
    cluster = cli.read(hosts_file, console)
    port = cli.number("--port", port, 1, 65535) if port else None
    hosts = [text for item in named for text in expanded(item)]
    if cluster.head in [find(cluster.hosts, text, port) for text in hosts]:
        raise Mistake(f"--host names the head of {cluster.name}", "fab deploy-cluster starts it")
    new = entries(cluster, named, user=user, port=port)
    if not new and (name or user):
        raise Mistake(f"--{'name' if name else 'user'} is for new hosts, but {path.name} lists all of these")
    new = with_names(new, name) if name else new
    cluster = with_new(cluster, path, new, console)
    chosen = list(dict.fromkeys(find(cluster.workers, text, port) for text in hosts))
    run = cli.make_run(
        cluster,
        console,
        f"add-worker {' '.join(named)}",
        hosts=[cluster.head, *chosen],
        debug=debug,
        changing=True,
        dry_run=dry_run,
        registry=True,
        bundle=bundle,
        yes=yes,
    )
    run.limit = frozenset(one.name for one in chosen)

    def end(run: Run) -> None:
        write(run, path, new, port)
        deployed(run)

    if dry_run:
        cli.finish(run, operation.PLAN, functools.partial(planned, scripts=True))
    else:
        cli.finish(run, operation.DEPLOY, end)


@task(
    name="remove-worker",
    help={
        **COMMON,
        "host": "workers of the hosts file: names, addresses or globs; comma-separated, as a range, or repeated",
        "keep_files": "stop Ray there, but keep what was installed",
        "force": "remove them from the hosts file even if they cannot be reached",
        "yes": consent.YES,
    },
)
def remove_worker(c, host=None, hosts_file=None, keep_files=False, force=False, yes=False, debug=False):
    """
    Take workers out of the cluster and out of the hosts file.

    It asks before it ends running work.
    """
    console = Console()
    path = cli.hosts_file(hosts_file)
    named = items(host, "remove-worker")
    cluster = cli.read(hosts_file, console)
    names = cli.limited(cluster, ",".join(named), flag="--host")
    chosen = [one for one in cluster.hosts if one.name in names]
    if cluster.head in chosen:
        raise Mistake(
            f"--host {','.join(named)} names the head of {cluster.name} ({cluster.head.name})",
            "fab destroy removes the whole cluster",
        )
    run = cli.make_run(
        cluster,
        console,
        f"remove-worker {' '.join(named)}",
        hosts=[cluster.head, *chosen],
        debug=debug,
        changing=True,
        needs_head=False,
        yes=yes,
    )
    run.limit = names

    def end(run: Run) -> None:
        removed(run, path, force)

    phases = (*operation.REMOVE[:-1], stop.stop) if keep_files else operation.REMOVE
    cli.finish(run, phases, end)


def with_new(cluster: Cluster, path: Path, new: Sequence[Entry], console: Console) -> Cluster:
    """The cluster with the new hosts, or exit status 2 with every mistake named; the file is untouched."""
    if not new:
        return cluster
    try:
        return preview(path, new)
    except InventoryError as error:
        for problem in error.problems:
            console.bad(str(problem))
    except (EditError, ValueError) as error:
        console.bad(str(error), f"add them to {path.name} by hand, then fab add-worker again")
    except OSError as error:
        console.bad(f"{path.parent}: {error.strerror}", "add-worker needs to write there")
    console.print("nothing was changed")
    raise Exit(code=2)


def write(run: Run, path: Path, new: Sequence[Entry], port: int | None) -> None:
    """Writes the new hosts that run into the hosts file, and no other."""
    failed = {n.name for n in run.failed}
    written: list[str] = []
    for entry in new:
        good = [text for text in entry.texts if find(run.cluster.workers, text, port).name not in failed]
        # a range of which some have failed is written host by host
        whole = len(good) == len(entry.texts)
        for one in [entry] if whole else [e for e in entry.singly() if e.text in good]:
            try:
                path = cli.file_to_change(path, run.console)
                write_worker(path, one.text, **one.fields)
            except (EditError, InventoryError, OSError) as error:
                raise Stop(f"{one.text} is running, but could not be added to {path.name}: {error}") from None
            written.append(one.text)
    if written:
        were = "was" if len(written) == 1 else "were"
        run.console.ok(f"{handover.names(written)} {were} added to {path.name}")
    left = [
        text for entry in new for text in entry.texts if find(run.cluster.workers, text, port).name in failed
    ]
    if left:
        run.console.note(f"not added to {path.name}: {handover.names(left)}")


def removed(run: Run, path: Path, force: bool) -> None:
    """Takes the hosts that are out of the cluster out of the hosts file, too."""
    gone: list[str] = []
    for node in [n for n in run.nodes if not n.is_head]:
        if node.failure is not None and force:
            run.console.note(f"{node.name}: {node.failure.message}; nothing was removed there")
            node.failure = None
        elif node.failure is not None:
            run.console.note(f"{path.name} still lists {node.name}; --force removes it anyway")
            continue
        try:
            path = cli.file_to_change(path, run.console)
            erase_worker(path, node.name)
        except (EditError, InventoryError, OSError) as error:
            raise Stop(
                f"{node.name} was removed from the cluster, but is still in {path.name}: {error}"
            ) from None
        gone.append(node.name)
    ending.said(run)
    if gone:
        left = handover.hosts(len(run.cluster.hosts) - len(gone))
        were = "was" if len(gone) == 1 else "were"
        run.console.ok(
            f"{handover.names(gone)} {were} removed from the cluster and from {path.name}; {left} left"
        )
