"""deploy-cluster, plan, start, stop, restart, status, destroy."""

from __future__ import annotations

import json
import sys
import time

from invoke import Exit

from tasks import cli
from tasks.phases import operation, status
from tasks.phases.run import Run
from tasks.report import handover
from tasks.report import status as table
from tasks.report.console import Console

COMMON = {"hosts_file": cli.HOSTS_FILE, "limit": cli.LIMIT, "debug": cli.DEBUG}


@cli.task(
    name="deploy-cluster",
    help={
        **COMMON,
        "dry_run": "show the plan and every script; change nothing",
        "upgrade": cli.UPGRADE,
        "bundle": cli.BUNDLE,
    },
)
def deploy_cluster(c, hosts_file=None, limit=None, dry_run=False, upgrade=False, bundle=None, debug=False):
    """
    Turn the listed machines into a working Ray cluster.

    Installs what is missing, starts the head, then the workers, and runs a task on every node.
    Running it again changes only what differs.
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
    )
    if dry_run:
        cli.finish(run, operation.PLAN, planned)
    else:
        cli.finish(run, operation.DEPLOY, deployed)


@cli.task(help=COMMON)
def plan(c, hosts_file=None, limit=None, debug=False):
    """
    Show what deploy-cluster would do, script by script, and change nothing.
    """
    deploy_cluster(c, hosts_file=hosts_file, limit=limit, dry_run=True, debug=debug)


def planned(run: Run) -> None:
    """The last line of a dry run."""
    changing = [n for n in run.chosen if n.change and n.change.any]
    if changing:
        run.console.note(f"dry run: nothing was changed; {len(changing)} of {len(run.chosen)} hosts would be")
    else:
        run.console.ok(f"{handover.hosts(len(run.chosen))} as wanted; nothing to do")


def deployed(run: Run) -> None:
    """What the cluster is now, and what to type next."""
    said = status.as_json(run)
    run.console.print()
    table.show(run.console, said)
    run.console.print()
    changed = [n for n in run.nodes if n.did]
    good = [n for n in run.nodes if n.failure is None and n.ray_node and "task" in n.ray_node]
    if run.failed:
        run.console.bad(
            f"{len(good)} of {len(run.nodes)} hosts run Ray {said['ray']}; each of those ran a task"
        )
    elif changed:
        run_or_runs = "runs" if len(good) == 1 else "run"
        run.console.ok(f"{handover.hosts(len(good))} {run_or_runs} Ray {said['ray']}; a task ran on each")
    else:
        run.console.ok(f"{handover.hosts(len(good))} as wanted; nothing was changed, and a task ran on each")
    strangers = [n["name"] for n in said["nodes"] if n["problem"] and "not in the hosts file" in n["problem"]]
    if strangers:
        run.console.note(f"in the cluster, but not in the hosts file: {', '.join(strangers)}")
    handover.next_steps(run.console, said)


@cli.task(
    name="status",
    help={
        **{k: COMMON[k] for k in ("hosts_file", "debug")},
        "json": "the contract's JSON on stdout, alone",
        "watch": "ask again every 5 seconds until Ctrl-C",
    },
)
def status_task(c, hosts_file=None, json=False, watch=False, debug=False):
    """
    Say what runs where: Ray's own node table, set against the hosts file.
    """
    try:
        while True:
            code = _status_once(hosts_file, json, debug, quiet=json or watch, clear=watch and not json)
            if not watch:
                break
            time.sleep(5)
    except KeyboardInterrupt:
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
            out.ok(f"{cluster.name} is healthy: every listed host is an alive node of Ray's own table")
        else:
            down = sum(not n["alive"] for n in found["nodes"])
            out.bad(
                f"{cluster.name} is not healthy: {down} of {handover.hosts(len(found['nodes']))} down",
                "fab deploy-cluster repairs it; fab logs says why",
            )
    return code or (0 if found["healthy"] else 1)


@cli.task(help=COMMON)
def stop(c, hosts_file=None, limit=None, debug=False):
    """
    Stop Ray on every host: workers first, the head last. A reboot does not bring it back.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "stop", limit=limit, debug=debug, changing=True, needs_head=False)
    cli.finish(run, operation.STOP, stopped)


def stopped(run: Run) -> None:
    done = [n.name for n in run.nodes if n.did]
    run.console.ok(f"stopped on {handover.hosts(len(done))}" if done else "nothing ran")
    if done:
        handover.commands(run.console, [("start", "start it again")])


@cli.task(help=COMMON)
def start(c, hosts_file=None, limit=None, debug=False):
    """
    Start a stopped cluster again; what runs already is left alone.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "start", limit=limit, debug=debug, changing=True, registry=True)
    cli.finish(run, operation.DEPLOY, deployed)


@cli.task(help=COMMON)
def restart(c, hosts_file=None, limit=None, debug=False):
    """
    Stop Ray, then start it again, and run a task on every node.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "restart", limit=limit, debug=debug, changing=True, registry=True)
    cli.finish(run, operation.RESTART, deployed)


@cli.task(
    help={**COMMON, "yes": "do not ask", "purge": "remove the conda too, where this project installed it"}
)
def destroy(c, hosts_file=None, limit=None, yes=False, purge=False, debug=False):
    """
    Stop Ray and remove everything that was installed; nothing else is touched.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(
        cluster,
        console,
        "destroy",
        limit=limit,
        debug=debug,
        changing=True,
        needs_head=False,
        purge=purge,
    )
    if not yes and sys.stdin.isatty():
        answer = input(f"destroy {cluster.name} on {handover.hosts(len(run.chosen))}? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            console.print("nothing was touched")
            return
    cli.finish(run, operation.DESTROY, destroyed)


def destroyed(run: Run) -> None:
    done = [n.name for n in run.nodes if n.did]
    run.console.ok(f"removed from {handover.hosts(len(done))}" if done else "nothing was there")
    if any(n.did and n.host.runtime == "docker" for n in run.nodes):
        run.console.note("Docker and its images stay: other things on these hosts may need them")
