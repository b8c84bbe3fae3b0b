"""completion."""

from __future__ import annotations

from tasks.commandline import options


@options.task(positional=["shell"], help={"shell": "bash, zsh or fish"})
def completion(c, shell):
    """
    Print the script for completion in bash, zsh or fish.

    It completes tasks, flags, their values and the names of your hosts.

    For the shell that you are in:
      bash, zsh:  eval "$(fab completion bash)"
      fish:       fab completion fish | source
    For every new one: the first lines of what is printed say where to put it, with the full path of this program.
    """
    import contextlib
    import os
    import subprocess

    from tasks.commandline import Mistake
    from tasks.completion import scripts, table
    from tasks.completion.known import SHELLS
    from tasks.text.wording import shown

    if shell not in SHELLS:
        raise Mistake(f"--shell: expected bash, zsh or fish, got {shown(shell)}")
    # so that the first TAB does not have to wait for it; where it cannot be made, the next one tries again
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        table.get(str(scripts.HERE.parents[1]))
    print(scripts.script(shell, os.environ.get("RAYFAB_PROGRAM") or "fab"), end="")
