"""disk, clean."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    iterable=["limit"],
    help={**options.WITH_LIMIT, "json": "print machine-readable JSON on stdout, and nothing else"},
)
def disk(c, hosts_file=None, limit=None, json=False, debug=False):
    """
    Show what takes up space on every host.

    Logs, sessions that are over, spilled objects, environments, images, and what is free.
    """
    from invoke import Exit

    from tasks.actions import disk

    code = disk.measure(hosts_file, limit, json_=json, debug=debug)
    if code:
        raise Exit(code=code)


@options.task(
    iterable=["limit"],
    help={**options.WITH_LIMIT, "dry_run": "list what would be removed; remove nothing"},
)
def clean(c, hosts_file=None, limit=None, dry_run=False, debug=False):
    """
    Remove what takes up space and nothing needs any more.

    Sessions that are over, spilled objects of nodes that are gone, unused environments and images, interrupted
    downloads, and logs beyond the limits of ray.logs. Whatever a process uses stays.
    """
    from tasks.actions import cli
    from tasks.actions.disk import cleaned
    from tasks.phases import operation
    from tasks.phases.disk import clean as removal

    found = {}
    run = cli.new_run(hosts_file, "clean", limit=limit, debug=debug, dry_run=dry_run)
    cli.finish(run, (*operation.LOCKED_FACTS, removal(found)), lambda run: cleaned(run, found))
