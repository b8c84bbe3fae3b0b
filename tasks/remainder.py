"""What stands behind ``--``: Fabric would take it for a command of its own and ask for -H."""

from __future__ import annotations

import sys


def take() -> list[str]:
    """The words behind ``--``, taken away from Fabric; quoting is kept, since they come from argv itself.

    Called while the fabfile is imported: the command line has been read then, and nothing has run.
    """
    from fabric.main import program

    core = getattr(program, "core", None)
    if core is None or "--" not in sys.argv:
        return []
    core.remainder = ""
    return sys.argv[sys.argv.index("--") + 1 :]
