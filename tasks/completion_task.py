"""completion."""

from __future__ import annotations

import contextlib
import subprocess
import sys

from invoke import Exit

from tasks import cli
from tasks.completion import scripts, table
from tasks.completion.known import SHELLS
from tasks.report.console import Console, program


@cli.task(help={"shell": "bash, zsh or fish"})
def completion(c, shell):
    """
    Print the script that completes tasks, flags and hosts in your shell.

    For the shell that you are in:
      bash, zsh:  eval "$(./fab completion bash)"
      fish:       ./fab completion fish | source
    For every new one: the first lines of what is printed say where to put it, with the full path of this program.
    """
    if shell not in SHELLS:
        Console(sys.stderr).bad(f"--shell: expected {', '.join(SHELLS)}, got {shell}")
        raise Exit(code=2)
    # so that the first TAB does not have to wait for it; where it cannot be made, the next one tries again
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        table.get(str(scripts.HERE.parents[1]))
    print(scripts.script(shell, program()), end="")
