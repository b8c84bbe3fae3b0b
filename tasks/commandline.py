"""What Fabric's own command line does otherwise than ours has to: words behind ``--``, and exit status 2."""

from __future__ import annotations

import re
import sys


def adapt() -> list[str]:
    """Takes the words behind ``--`` from Fabric, which would want -H for them, and returns them.

    Called while the fabfile is imported: the core options have been read then, the tasks' own have not. From
    here on a wrong command line ends with status 2, as the contract says, and in one line.
    """
    from fabric.main import program

    core = getattr(program, "core", None)
    if core is None:
        return []
    _exit_with_two(program)
    if "--" not in sys.argv:
        return []
    core.remainder = ""
    # from argv itself, where the quoting is still known
    return sys.argv[sys.argv.index("--") + 1 :]


def _exit_with_two(program) -> None:
    from invoke.exceptions import Exit, ParseError

    parse = program.parse_tasks

    def parse_tasks() -> None:
        try:
            parse()
        except ParseError as error:
            raise Exit(_plain(str(error)), code=2) from None
        except ValueError as error:
            raise Exit(f"✗ not a number: {str(error).partition(': ')[2]}", code=2) from None

    program.parse_tasks = parse_tasks


def _plain(message: str) -> str:
    missing = re.search(r"'([\w-]+)' did not receive required positional arguments: '([\w-]+)'", message)
    if missing:
        task, flag = missing.groups()
        return f"✗ {task} needs --{flag.replace('_', '-')}\n  → fab --help {task}"
    unknown = re.search(r"No idea what '(.+)' is!", message)
    if unknown:
        return f"✗ {unknown.group(1)} is neither a task nor a flag of the task before it\n  → fab --list"
    return f"✗ {message}"
