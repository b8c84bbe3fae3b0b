"""add-worker, remove-worker."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from invoke import Exit

from tasks import cli
from tasks.cluster import deployed
from tasks.inventory import Cluster, Host, InventoryError, load
from tasks.inventory.edit import EditError
from tasks.inventory.edit import add_worker as write_worker
from tasks.inventory.edit import remove_worker as erase_worker
from tasks.phases import operation, stop
from tasks.phases.run import Run, Stop
from tasks.report.console import Console

COMMON = {"hosts_file": cli.HOSTS_FILE, "debug": cli.DEBUG}


@cli.task(
    name="add-worker",
    help={
        **COMMON,
        "host": "address, name or ssh alias; in the hosts file or new",
        "name": "how tables show a new host",
        "user": "login user of a new host",
        "port": "SSH port of a new host",
        "dry_run": "show the plan; change nothing",
        "bundle": cli.BUNDLE,
    },
)
def add_worker(
    c, host, name=None, user=None, port=None, hosts_file=None, dry_run=False, bundle=None, debug=False
):
    """
    Join one machine to the running cluster and touch no other.

    A host that is not in the hosts file is written into it once it runs; comments stay.
    """
    console = Console()
    path = cli.hosts_file(hosts_file)
    cluster = cli.read(hosts_file, console)
    known = find(cluster.hosts, host)
    is_new = known is None
    fields: dict[str, Any] = {}
    if known is None:
        fields = {
            k: v
            for k, v in (
                ("name", name),
                ("user", user),
                ("port", cli.number("--port", port, 1, 65535) if port else None),
            )
            if v
        }
        try:
            cluster = preview(path, host, fields)
        except InventoryError as error:
            for problem in error.problems:
                console.bad(str(problem))
            raise Exit(code=2) from None
        except (EditError, ValueError) as error:
            console.bad(str(error), f"write {host} into {path.name} by hand, then fab add-worker again")
            raise Exit(code=2) from None
        known = find(cluster.workers, host) or cluster.workers[-1]
    elif known.role == "head":
        console.bad(f"{host} is the head of {cluster.name}", "fab deploy-cluster starts it")
        raise Exit(code=2)
    run = cli.make_run(
        cluster,
        console,
        f"add-worker {host}",
        hosts=[cluster.head, known],
        debug=debug,
        changing=True,
        dry_run=dry_run,
        registry=True,
        bundle=bundle,
    )
    run.limit = frozenset([known.name])

    def end(run: Run) -> None:
        if is_new and not run.failed:
            try:
                write_worker(path, host, **fields)
                console.ok(f"{host} is written into {path.name}")
            except (EditError, InventoryError, OSError) as error:
                raise Stop(f"{host} runs, but could not be written into {path.name}: {error}") from None
        deployed(run)

    if dry_run:
        from tasks.cluster import planned

        cli.finish(run, operation.PLAN, planned)
    else:
        cli.finish(run, operation.DEPLOY, end)


@cli.task(
    name="remove-worker",
    help={
        **COMMON,
        "host": "a worker of the hosts file",
        "keep_files": "stop Ray there, but leave what was installed",
        "force": "take it out of the hosts file even if it cannot be reached any more",
    },
)
def remove_worker(c, host, hosts_file=None, keep_files=False, force=False, debug=False):
    """
    Take one worker out of the cluster and out of the hosts file.
    """
    console = Console()
    path = cli.hosts_file(hosts_file)
    cluster = cli.read(hosts_file, console)
    known = find(cluster.hosts, host)
    if known is None or known.role == "head":
        why = "is the head" if known else "is not in the hosts file"
        console.bad(
            f"{host} {why}", "fab destroy ends the whole cluster" if known else "fab status names the hosts"
        )
        raise Exit(code=2)
    run = cli.make_run(
        cluster,
        console,
        f"remove-worker {host}",
        hosts=[cluster.head, known],
        debug=debug,
        changing=True,
        needs_head=False,
    )
    run.limit = frozenset([known.name])

    def end(run: Run) -> None:
        gone = next(n for n in run.nodes if not n.is_head)
        if gone.failure is not None and force:
            console.note(f"{host}: {gone.failure.message}; nothing was removed there")
            gone.failure = None
        elif gone.failure is not None:
            console.note(f"{path.name} still lists {host}; --force takes it out all the same")
        if gone.failure is None:
            try:
                erase_worker(path, known.host)
            except (EditError, InventoryError, OSError) as error:
                raise Stop(f"{host} is out of the cluster, but not out of {path.name}: {error}") from None
            console.ok(f"{host} is out of the cluster and out of {path.name}")

    cli.finish(run, (*operation.STOP[:2], stop.stop if keep_files else stop.destroy), end)


def preview(path: Path, host: str, fields: dict[str, Any]) -> Cluster:
    """The cluster as it would be with one more worker; the file itself is untouched."""
    # beside the file: paths in it count from its own folder
    copy = path.with_name(f".{path.name}.{os.getpid()}.preview")
    try:
        shutil.copy(path, copy)
        write_worker(copy, host, **fields)
        return load(copy).model_copy(update={"path": path})
    finally:
        copy.unlink(missing_ok=True)


def find(hosts: tuple[Host, ...], wanted: str) -> Host | None:
    """The host of that name or address; ``user@host:port`` is understood."""
    from tasks.inventory.address import parse

    try:
        plain = parse(wanted).host
    except ValueError:
        plain = wanted
    return next((h for h in hosts if wanted in (h.name, h.host) or plain in (h.name, h.host)), None)
