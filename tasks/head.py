"""test-head."""

from __future__ import annotations

from tasks.commandline import options


@options.task(help={**options.COMMON, "yes": options.YES})
def test_head(c, hosts_file=None, yes=False, debug=False):
    """
    Kill the head and say what survives; it asks first.

    It kills the GCS, then all of the head's processes, and says what a detached actor and a placement group on a worker
    went through, and after how many seconds the head was back. The work that ends with the head does end.
    """
    from tasks.actions import cli
    from tasks.phases import operation

    run = cli.new_run(hosts_file, "test-head", debug=debug, yes=yes)
    cli.finish(run, operation.TEST_HEAD)
