"""add-worker, remove-worker."""

from __future__ import annotations

import functools

from tasks.commandline import options

task = functools.partial(options.task, iterable=["host"])


@task(
    name="add-worker",
    help={
        **options.COMMON,
        "host": "address, name or ssh alias, listed or new; comma-separated, as a range, or repeated",
        "name": "name of a new host in tables; for several hosts a range, such as gpu[1-4]",
        "user": "login user of new hosts",
        "port": "SSH port of new hosts",
        "dry_run": "show the plan; change nothing",
        "bundle": options.BUNDLE,
        "yes": options.YES,
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

    A host that is not in the hosts file is written into it once it runs; comments stay. If it fails, what was
    installed there is removed again.
    """
    from tasks.actions import cli, newcomers, summary, syncing
    from tasks.phases import operation
    from tasks.report.console import Console

    console = Console()
    path = cli.hosts_file(hosts_file)
    named = newcomers.items(host, "add-worker")
    port = cli.number("--port", port, 1, 65535) if port else None
    joining = newcomers.joining(
        cli.read(hosts_file, console), path, named, console, name=name, user=user, port=port
    )
    run = cli.make_run(
        joining.cluster,
        console,
        f"add-worker {' '.join(named)}",
        hosts=[joining.cluster.head, *joining.hosts],
        limit=frozenset(host.name for host in joining.hosts),
        debug=debug,
        dry_run=dry_run,
        registry=True,
        bundle=bundle,
        new=joining.unlisted,
        yes=yes,
    )

    def end(run) -> None:
        newcomers.write(run, path, joining.new, port)
        summary.deployed(run)
        syncing.tell_joined(run)

    if dry_run:
        cli.finish(run, operation.PREPARE, functools.partial(summary.planned, scripts=True))
    else:
        cli.finish(run, operation.ADD, end)


@task(
    name="remove-worker",
    help={
        **options.COMMON,
        "host": "workers of the hosts file: names, addresses or globs; comma-separated, as a range, or repeated",
        "keep_files": "stop Ray there, but keep what was installed",
        "force": "don't drain them, and remove them from the hosts file even if they cannot be reached",
        "deadline": options.DEADLINE,
        "yes": options.YES,
    },
)
def remove_worker(
    c,
    host=None,
    hosts_file=None,
    keep_files=False,
    force=False,
    deadline=options.TEN_MINUTES,
    yes=False,
    debug=False,
):
    """
    Take workers out of the cluster and out of the hosts file.

    They are drained first. It asks before it ends running work.
    """
    from tasks.actions import changing, cli, newcomers
    from tasks.commandline import Mistake
    from tasks.phases import operation
    from tasks.report.console import Console

    console = Console()
    path = cli.hosts_file(hosts_file)
    named = newcomers.items(host, "remove-worker")
    wait = changing.seconds(deadline)
    cluster = cli.read(hosts_file, console)
    names = cli.selected(cluster, named, flag="--host")
    chosen = [one for one in cluster.hosts if one.name in names]
    if cluster.head in chosen:
        raise Mistake(
            f"--host {','.join(named)} names the head of {cluster.name} ({cluster.head.name})",
            "fab destroy removes the whole cluster",
        )
    newcomers.need_writable(path)
    run = cli.make_run(
        cluster,
        console,
        f"remove-worker {' '.join(named)}",
        hosts=[cluster.head, *chosen],
        limit=names,
        debug=debug,
        yes=yes,
        deadline=None if force else wait,
    )
    steps = operation.REMOVE_KEEPING_FILES if keep_files else operation.REMOVE
    cli.finish(run, steps, lambda run: newcomers.removed(run, path, force))
