"""deploy-cluster, plan, start, stop, restart, status, destroy."""

from __future__ import annotations

import functools
import json
import sys
import time

from invoke import Exit

from tasks import cli, consent
from tasks.phases import ending, operation, status, verdict
from tasks.phases.plan import show, show_scripts
from tasks.report import handover
from tasks.report import status as table
from tasks.report.console import Console
from tasks.run.run import Run

COMMON = {"hosts_file": cli.HOSTS_FILE, "limit": cli.LIMIT, "debug": cli.DEBUG}
task = functools.partial(cli.task, iterable=["limit"])


@task(
    name="deploy-cluster",
    help={
        **COMMON,
        "dry_run": "show the plan and every script; change nothing",
        "upgrade": cli.UPGRADE,
        "bundle": cli.BUNDLE,
        "yes": consent.YES,
    },
)
def deploy_cluster(
    c, hosts_file=None, limit=None, dry_run=False, upgrade=False, bundle=None, yes=False, debug=False
):
    """
    Turn the listed machines into a working Ray cluster.

    Installs what is missing, starts the head, then the workers, and runs a task on every node.
    Running it again changes only what differs. It asks before it ends running work.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(
        cluster,
        console,
        "deploy-cluster",
        limit=limit,
        debug=debug,
        changing=True,
        dry_run=dry_run,
        registry=True,
        upgrade=upgrade,
        bundle=bundle,
        yes=yes,
    )
    if dry_run:
        cli.finish(run, operation.PLAN, functools.partial(planned, scripts=True))
    else:
        cli.finish(run, operation.DEPLOY, deployed)


@task(help={**COMMON, "scripts": "also show every script that deploy-cluster would run"})
def plan(c, hosts_file=None, limit=None, scripts=False, debug=False):
    """
    Show what deploy-cluster would do, and why; change nothing.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "plan", limit=limit, debug=debug, dry_run=True)
    cli.finish(run, operation.PLAN, functools.partial(planned, scripts=scripts))


def planned(run: Run, scripts: bool = False) -> None:
    """What a deploy would do; with the scripts too, if wanted."""
    if scripts:
        show_scripts(run)
    show(run)
    changing = [n for n in run.chosen if n.change and n.change.any]
    if changing:
        run.console.note(f"dry run: nothing was changed; {len(changing)} of {len(run.chosen)} hosts would be")
    else:
        run.console.ok(f"{handover.hosts(len(run.chosen))} up to date; nothing to do")


def deployed(run: Run) -> None:
    """What the cluster is now, and what to type next."""
    said = status.as_json(run)
    run.console.print()
    table.show(run.console, said)
    run.console.print()
    ending.said(run)
    changed = any(n.did for n in run.nodes)
    good = [n for n in run.nodes if n.failure is None and n.ray_node and "task" in n.ray_node]
    count, every, where = len(good), len(run.nodes), "each"
    if len(run.nodes) + len(run.left_out) < len(run.cluster.hosts):
        # of hosts that this run was not for, Ray's own table tells
        listed = said["nodes"][: len(run.cluster.hosts)]
        count, every = sum(n["alive"] for n in listed), len(listed)
        where = handover.names(n.name for n in good if n in run.chosen)
    runs = "runs" if count == 1 else "run"
    if run.failed:
        tasks = (
            "each of them ran a task"
            if where == "each"
            else f"a task ran on {where or 'none of the new hosts'}"
        )
        run.console.bad(f"{count} of {handover.hosts(every)} run Ray {said['ray']}; {tasks}")
    elif changed:
        run.console.ok(f"{handover.hosts(count)} {runs} Ray {said['ray']}; a task ran on {where}")
    else:
        run.console.ok(f"{handover.hosts(count)} up to date; nothing was changed, and a task ran on {where}")
    strangers = [n["name"] for n in said["nodes"] if n["problem"] and "not in the hosts file" in n["problem"]]
    if strangers:
        run.console.note(f"in the cluster, but not in the hosts file: {', '.join(strangers)}")
    handover.next_steps(run.console, said)


@cli.task(
    name="status",
    help={
        **{k: COMMON[k] for k in ("hosts_file", "debug")},
        "json": "print machine-readable JSON on stdout, and nothing else",
        "watch": "refresh every 5 seconds until Ctrl-C",
    },
)
def status_task(c, hosts_file=None, json=False, watch=False, debug=False):
    """
    Say what runs where, by Ray's own node table.
    """
    try:
        while True:
            code = _status_once(hosts_file, json, debug, quiet=json or watch, clear=watch and not json)
            if not watch or Console().gone:
                break
            time.sleep(5)
    except KeyboardInterrupt:
        if not watch:
            raise
        code = 130
    if code:
        raise Exit(code=code)


def _status_once(path: str | None, as_json: bool, debug: bool, *, quiet: bool, clear: bool) -> int:
    console = Console(sys.stderr if quiet else None)
    cluster = cli.read(path, console)
    run = cli.make_run(cluster, console, "status", debug=debug)
    console.quiet = quiet and not debug
    found: dict = {}
    code = operation.operate(run, operation.STATUS, lambda r: found.update(status.as_json(r)), report=False)
    if code == 130:
        return code  # what was not asked is not known
    found = found or status.as_json(run)
    if as_json:
        print(json.dumps(found, ensure_ascii=False), flush=True)
    else:
        out = Console()
        if clear:
            out.rich.clear()
        else:
            out.print()
        table.show(out, found)
        out.print()
        if found["healthy"]:
            out.ok(f"{cluster.name} is healthy: every listed host is alive in Ray's node table")
        else:
            out.bad(*verdict.unhealthy(run, found))
    return code or (0 if found["healthy"] else 1)


@task(help={**COMMON, "yes": consent.YES})
def stop(c, hosts_file=None, limit=None, yes=False, debug=False):
    """
    Stop Ray on every host; a reboot does not bring it back.

    Workers stop first, the head last. It asks before it ends running work.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(
        cluster, console, "stop", limit=limit, debug=debug, changing=True, needs_head=False, yes=yes
    )
    cli.finish(run, operation.STOP, stopped)


def stopped(run: Run) -> None:
    """What has been stopped, and how it comes back."""
    done = [n.name for n in run.nodes if n.did]
    ending.said(run)
    run.console.ok(f"stopped on {handover.hosts(len(done))}" if done else "nothing was running")
    if done:
        handover.commands(run.console, [("start", "start it again")])


@task(help=COMMON)
def start(c, hosts_file=None, limit=None, debug=False):
    """
    Start a stopped cluster again; what runs is left alone.

    It installs nothing: that is what deploy-cluster is for.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "start", limit=limit, debug=debug, changing=True)
    cli.finish(run, operation.START, deployed)


@task(help={**COMMON, "yes": consent.YES})
def restart(c, hosts_file=None, limit=None, yes=False, debug=False):
    """
    Stop Ray, then start it again, and run a task on every node.

    It asks before it ends running work.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(
        cluster, console, "restart", limit=limit, debug=debug, changing=True, registry=True, yes=yes
    )
    cli.finish(run, operation.RESTART, deployed)


@task(help={**COMMON, "yes": consent.YES, "purge": "also remove conda if this project installed it"})
def destroy(c, hosts_file=None, limit=None, yes=False, purge=False, debug=False):
    """
    Stop Ray and remove everything that was installed.

    Nothing else is touched. It always asks.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    consent.insist("destroy", yes)
    run = cli.make_run(
        cluster,
        console,
        "destroy",
        limit=limit,
        debug=debug,
        changing=True,
        needs_head=False,
        purge=purge,
        yes=yes,
    )
    cli.finish(run, operation.DESTROY, destroyed)


def destroyed(run: Run) -> None:
    """What has been removed, and what stays."""
    done = [n.name for n in run.nodes if n.did]
    ending.said(run)
    run.console.ok(f"removed from {handover.hosts(len(done))}" if done else "nothing to remove")
    if any(n.did and n.host.runtime == "docker" for n in run.nodes):
        run.console.note("Docker and its images were kept: other software on these hosts may need them")
