"""deploy-cluster, plan, start, stop, restart, status, destroy."""

from __future__ import annotations

import functools

from tasks.commandline import options

task = functools.partial(options.task, iterable=["limit"])


@task(
    name="deploy-cluster",
    help={
        **options.WITH_LIMIT,
        "dry_run": "show the plan and every script; change nothing",
        "upgrade": options.UPGRADE,
        "bundle": options.BUNDLE,
        "prune": "also remove the nodes of hosts that have left the hosts file; it asks first",
        "yes": options.YES,
    },
)
def deploy_cluster(
    c,
    hosts_file=None,
    limit=None,
    dry_run=False,
    upgrade=False,
    bundle=None,
    prune=False,
    yes=False,
    debug=False,
):
    """
    Turn the listed machines into a working Ray cluster.

    Installs what is missing, starts the head, then the workers, and runs a task on every node.
    Running it again changes only what differs. It asks before it ends running work.
    """
    from tasks.actions import cli, consent, summary
    from tasks.commandline import Mistake
    from tasks.phases import operation

    if prune and limit:
        raise Mistake("--prune is for the whole hosts file, and --limit for a part of it", "leave one out")
    if prune and not dry_run:
        consent.insist("deploy-cluster --prune", yes)
    run = cli.new_run(
        hosts_file,
        "deploy-cluster",
        limit=limit,
        debug=debug,
        dry_run=dry_run,
        registry=True,
        upgrade=upgrade,
        bundle=bundle,
        prune=prune,
        yes=yes,
    )
    if dry_run:
        cli.finish(run, operation.PREPARE, functools.partial(summary.planned, scripts=True))
    else:
        cli.finish(run, operation.DEPLOY, summary.deployed)


@task(
    help={
        **options.WITH_LIMIT,
        "scripts": "also show every script that deploy-cluster would run",
        "json": "print machine-readable JSON on stdout, and nothing else",
        "exit_code": "end with 4 if there are changes, and with 0 only if there are none",
        "all": options.ALL,
    }
)
def plan(c, hosts_file=None, limit=None, scripts=False, json=False, exit_code=False, all=False, debug=False):
    """
    Show what deploy-cluster would do, and why; change nothing.
    """
    from tasks.actions import plan

    plan.show(hosts_file, limit, scripts=scripts, as_json=json, exit_code=exit_code, every=all, debug=debug)


@options.task(
    name="status",
    help={
        **options.COMMON,
        "json": "print machine-readable JSON on stdout, and nothing else",
        "all": options.ALL,
        "watch": "ask every 5 seconds until Ctrl-C: a live screen, in a pipe the changes as lines",
    },
)
def status_task(c, hosts_file=None, json=False, watch=False, all=False, debug=False):
    """
    Say what runs where, by Ray's own node table.
    """
    from invoke import Exit

    from tasks.actions import status
    from tasks.actions import watch as live

    if watch:
        code = live.watch(hosts_file, json, debug)
    else:
        code = status.once(hosts_file, json, debug, every=all)
    if code:
        raise Exit(code=code)


@task(help={**options.WITH_LIMIT, "yes": options.YES})
def stop(c, hosts_file=None, limit=None, yes=False, debug=False):
    """
    Stop Ray on every host; a reboot does not bring it back.

    Workers stop first, the head last. It asks before it ends running work.
    """
    from tasks.actions import cli, summary
    from tasks.phases import operation

    run = cli.new_run(hosts_file, "stop", limit=limit, debug=debug, yes=yes)
    cli.finish(run, operation.STOP, summary.stopped)


@task(help=options.WITH_LIMIT)
def start(c, hosts_file=None, limit=None, debug=False):
    """
    Start a stopped cluster again; what runs is left alone.

    It installs nothing: that is what deploy-cluster is for.
    """
    from tasks.actions import cli, summary
    from tasks.phases import operation

    run = cli.new_run(hosts_file, "start", limit=limit, debug=debug)
    cli.finish(run, operation.START, summary.deployed)


@task(
    help={
        **options.WITH_LIMIT,
        "yes": options.YES,
        "rolling": "restart the workers in batches, each drained first; the head is left alone",
        "batch": "with --rolling: how many at once, N or P% (default 10%)",
        "canary": "with --rolling: how many come first, alone (default 1)",
        "max_failures": "with --rolling: go on while at most so many have failed (default 0)",
        "deadline": f"with --rolling: {options.DEADLINE}",
    }
)
def restart(
    c,
    hosts_file=None,
    limit=None,
    yes=False,
    rolling=False,
    batch=None,
    canary=None,
    max_failures=None,
    deadline=None,
    debug=False,
):
    """
    Stop Ray, then start it again, and run a task on every node.

    With --rolling the workers restart in batches, and jobs go on; interrupted, the same command
    goes on where it was. It asks before it ends running work.
    """
    from tasks.actions import changing, cli, summary
    from tasks.commandline import Mistake
    from tasks.phases import operation
    from tasks.phases.roll import roll

    if rolling:
        run, how = changing.rolling(
            hosts_file,
            limit,
            batch=batch or "10%",
            canary=1 if canary is None else canary,
            max_failures=0 if max_failures is None else max_failures,
            deadline=deadline or options.TEN_MINUTES,
            yes=yes,
            debug=debug,
        )
        cli.finish(run, (*operation.ROLLING, roll(how)), summary.deployed)
        return
    given = {"--batch": batch, "--canary": canary, "--max-failures": max_failures, "--deadline": deadline}
    for flag, value in given.items():
        if value is not None:
            raise Mistake(f"{flag} is for --rolling", f"fab restart --rolling {flag} {value}")
    run = cli.new_run(hosts_file, "restart", limit=limit, debug=debug, registry=True, yes=yes)
    cli.finish(run, operation.RESTART, summary.deployed)


@task(
    help={
        **options.WITH_LIMIT,
        "yes": options.YES,
        "purge": "also remove conda if this project installed it",
    }
)
def destroy(c, hosts_file=None, limit=None, yes=False, purge=False, debug=False):
    """
    Stop Ray and remove everything that was installed.

    Nothing else is touched. It always asks.
    """
    from tasks.actions import cli, consent, summary
    from tasks.phases import operation
    from tasks.report.console import Console

    console = Console()
    cluster = cli.read(hosts_file, console)
    consent.insist("destroy", yes)
    run = cli.make_run(
        cluster,
        console,
        "destroy",
        limit=limit,
        debug=debug,
        purge=purge,
        yes=yes,
    )
    cli.finish(run, operation.DESTROY, summary.destroyed)
