"""upgrade, rollback."""

from __future__ import annotations

import functools

from tasks.commandline import options


@options.task(
    help={
        **options.COMMON,
        "ray": "the version of Ray; it is written into the hosts file, as ray.version",
        "image": "the image for containers; it is written into the hosts file, as docker.image",
        "bundle": options.BUNDLE,
        "dry_run": "show the plan; change nothing",
        "yes": options.YES,
    }
)
def upgrade(c, hosts_file=None, ray=None, image=None, bundle=None, dry_run=False, yes=False, debug=False):
    """
    Move all nodes to another Ray or image, together.

    All that is new is fetched and imported while the old cluster runs. It asks, stops all nodes, and starts
    the new ones. If one of them runs no task, what ran before is started again, and the exit status is 1.
    """
    from tasks.actions import cli, consent, summary
    from tasks.actions import upgrade as action
    from tasks.phases import operation
    from tasks.phases.hooks import show_after_join
    from tasks.report.console import Console

    console = Console()
    path = cli.hosts_file(hosts_file)
    cluster = cli.read(hosts_file, console)
    if not dry_run:
        consent.insist("upgrade", yes)
    values = action.wanted(cluster, ray, image)
    cluster = action.changed(cluster, path, values, console)
    run = cli.make_run(
        cluster,
        console,
        " ".join(["upgrade", *(["--ray", ray] if ray else []), *(["--image", image] if image else [])]),
        debug=debug,
        dry_run=dry_run,
        registry=True,
        upgrade=True,
        bundle=bundle,
        yes=yes,
    )
    if dry_run:
        cli.finish(run, operation.UPGRADE, functools.partial(summary.planned, hooks=show_after_join))
        return
    with action.locks_kept(cluster) as done:

        def end(run) -> None:
            done.append(True)
            action.upgraded(run, path, values)

        cli.finish(run, operation.UPGRADE, end)


@options.task(help={**options.COMMON, "yes": options.YES})
def rollback(c, hosts_file=None, yes=False, debug=False):
    """
    Go back to what ran before the last upgrade.

    It names the versions and since when they ran, and asks. The hosts file then says what runs.
    """
    from tasks.actions import cli, consent
    from tasks.actions import upgrade as action
    from tasks.phases import operation
    from tasks.report.console import Console

    console = Console()
    path = cli.hosts_file(hosts_file)
    cluster = cli.read(hosts_file, console)
    consent.insist("rollback", yes)
    run = cli.make_run(cluster, console, "rollback", debug=debug, yes=yes)
    cli.finish(run, operation.ROLLBACK, lambda run: action.rolled_back(run, path))
