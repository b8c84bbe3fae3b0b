"""backup, restore, move-head."""

from __future__ import annotations

import functools

from tasks.commandline import options


@options.task(help={**options.COMMON, "output": "the file to write; it holds the cluster's token"})
def backup(c, output=None, hosts_file=None, debug=False):
    """
    Keep the hosts file, the token and the locks in one file.

    It also holds lock files and CA certificates that the hosts file names, and the state of the head's GCS if the head
    keeps one. Private keys are not in it. Nothing is stopped.
    """
    from tasks.actions import backups

    backups.make(output, hosts_file, debug=debug)


@functools.partial(options.task, positional=["file"])(
    help={
        **options.COMMON,
        "file": "a file of fab backup",
        "force": "replace a hosts file that differs",
        "yes": options.YES,
    }
)
def restore(c, file, hosts_file=None, force=False, yes=False, debug=False):
    """
    Put back what fab backup has kept, before a deploy.

    The file is checked first. The head gets the token, the locks and the state; it must not run another cluster of this
    name.
    """
    from tasks.actions import backups

    backups.restore(file, hosts_file, force=force, yes=yes, debug=debug)


@options.task(
    name="move-head",
    help={
        **options.COMMON,
        "to": "a worker of the hosts file: name or address",
        "remove_old": "the old head leaves the cluster; otherwise it becomes a worker",
        "yes": options.YES,
    },
)
def move_head(c, to=None, hosts_file=None, remove_old=False, yes=False, debug=False):
    """
    Make a worker the head; the token stays the same.

    All nodes restart, since workers join another address. If the new head does not start, the old one is started
    again. It always asks.
    """
    from tasks.actions import moving

    moving.move_head(to, hosts_file, remove_old=remove_old, yes=yes, debug=debug)
