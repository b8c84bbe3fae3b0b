"""version."""

from __future__ import annotations

from tasks.commandline import options


@options.task(name="version", help={"json": "print machine-readable JSON on stdout, and nothing else"})
def version_task(c, json=False):
    """
    Show the versions of this program and of what it is built on.

    For a report of a problem: with the commit where it runs from a checkout, and the Ray that it installs by default.
    """
    from tasks.actions import about

    about.show(as_json=json)
