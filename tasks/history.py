"""history."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    iterable=["host"],
    help={
        **options.COMMON,
        "host": "only what concerned these hosts: names, addresses or globs, comma-separated or repeated",
        "last": "how many of the last changes (default 20)",
        "json": "print machine-readable JSON on stdout, and nothing else",
    },
)
def history(c, hosts_file=None, host=None, last=20, json=False, debug=False):
    """
    Show who changed the cluster, when, and how it ended.

    The head remembers the last 500 changes, whoever made them; this machine remembers its own.
    """
    from invoke import Exit

    from tasks.actions import history

    code = history.show(hosts_file, host, last=last, json_=json, debug=debug)
    if code:
        raise Exit(code=code)
