"""pull-image."""

from __future__ import annotations

from tasks.commandline import options


@options.task(name="pull-image", iterable=["limit"], help=options.WITH_LIMIT)
def pull_image(c, hosts_file=None, limit=None, debug=False):
    """
    Get the same image onto every Docker host; start nothing.

    It comes from where docker.image_source says: pull, seed or file. What was interrupted goes on where it stopped.
    """
    from tasks.actions import cli
    from tasks.phases import operation
    from tasks.runtimes.docker.steps import pull_image

    run = cli.new_run(hosts_file, "pull-image", limit=limit, debug=debug, changing=True, registry=True)
    cli.finish(run, (pull_image.asked, *operation.IMAGES), pull_image.got)
