"""sync."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    positional=["what"],
    iterable=["limit", "exclude"],
    help={
        **options.WITH_LIMIT,
        "what": "SRC:DEST: a file or folder here, and where its content belongs on every host",
        "delete": "also remove what is in DEST and not in SRC; it asks first",
        "exclude": "leave out what matches this pattern, such as '*.pyc' or .git; may be repeated",
        "dry_run": "show what differs on each host; change nothing",
        "yes": options.YES,
    },
)
def sync(
    c,
    what,
    hosts_file=None,
    limit=None,
    delete=False,
    exclude=None,
    dry_run=False,
    yes=False,
    debug=False,
):
    """
    Copy files to every host; only what differs travels.

    Contents are compared by their SHA-256. Each travels once from here to one host, and from there to the others. A
    folder's content goes into DEST; a file goes into DEST if that ends in /:
      fab sync ./data:/data/mine
      fab sync model.pt:~/models/
    """
    from tasks.actions import syncing

    syncing.sync(
        what,
        hosts_file,
        limit,
        delete=delete,
        exclude=exclude or [],
        dry_run=dry_run,
        yes=yes,
        debug=debug,
    )
