"""pull-image."""

from __future__ import annotations

from tasks.commandline import options


@options.task(name="pull-image", iterable=["limit"], help={**options.WITH_LIMIT, "bundle": options.BUNDLE})
def pull_image(c, hosts_file=None, limit=None, bundle=None, debug=False):
    """
    Get the same image onto every Docker host; start nothing.

    It comes from where docker.image_source says: pull, seed or file; or from a bundle. What was interrupted goes on
    where it stopped.
    """
    from tasks.actions import cli
    from tasks.phases import operation
    from tasks.runtimes.docker.steps.pulled import got, need_docker_host

    run = cli.new_run(hosts_file, "pull-image", limit=limit, debug=debug, registry=True, bundle=bundle)
    cli.finish(run, (need_docker_host, *operation.PULL_IMAGE), got)
