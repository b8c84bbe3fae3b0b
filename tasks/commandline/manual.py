"""What ``--list``, ``--help`` and ``fab`` alone print. Pure: the width is an argument."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from itertools import groupby

from invoke import Task
from invoke.parser import ParserContext
from invoke.parser.context import to_flag

from tasks.commandline.groups import EXAMPLES, grouped
from tasks.language import cells, said
from tasks.report import typed

# The placeholder of a flag's value, if the flag's own name is not clear enough.
VALUES = {
    "build": "FOLDER",
    "bundle": "FILE",
    "command": "COMMAND",
    "component": "NAMES",
    "events": "FILE",
    "exclude": "PATTERN",
    "grep": "PATTERN",
    "host": "HOSTS",
    "hosts": "N",
    "hosts-file": "PATH",
    "limit": "HOSTS",
    "lines": "N",
    "only": "TESTS",
    "output": "FILE",
    "platform": "SYSTEMS",
    "port": "PORT",
}
PROGRAM_FLAGS = (
    ("--help TASK", "show help for a task; same as TASK --help"),
    ("-H, --hosts HOSTS", "the same as --limit of the task; -H HOSTS -- COMMAND runs a command there"),
    ("--dry", "the same as --dry-run of the task"),
    ("--version", "show the version"),
)
LEAST, MOST = 40, 100


def overview(tasks: Mapping[str, Task], width: int, version: str) -> str:
    """Every task in its group, with three examples."""
    program = typed.program()
    lines = [said(f"Usage: {program} TASK [--flags]"), version, ""]
    pad = max(len(name) for name in tasks)
    for title, names in grouped(tasks).items():
        lines.append(f"{said(title)}:")
        for name in names:
            lines += _entry(f"  {name.ljust(pad)}   ", first_line(tasks[name]), width)
        lines.append("")
    lines.append(f"{said('examples')}:")
    commands = [(f"{program} {command}", said(why)) for command, why in EXAMPLES]
    pad = max(len(command) for command, _ in commands)
    for command, why in commands:
        # a command must stay on one line to be pasted: if its description does not fit on that line, it follows below
        short = pad + cells.columns(why) + 5 <= width
        lines += [f"  {command.ljust(pad)}   {why}"] if short else [f"  {command}", f"      {why}"]
    lines.append("")
    pad = max(len(flag) for flag, _ in PROGRAM_FLAGS)
    for flag, text in PROGRAM_FLAGS:
        lines += _entry(f"  {flag.ljust(pad)}   ", text, width)
    return "\n".join(lines)


def explained(name: str, task: Task, context: ParserContext, width: int, built_in: bool = True) -> str:
    """One task: how to call it, what it does, every flag.

    :param built_in: whether it is one of this project's tasks; those with ``--command`` also take it after ``--``.
    """
    behind = " -- COMMAND" if built_in and "command" in context.args else ""
    positional = "".join(f" {_placed(task, argument)}" for argument in context.positional_args)
    lines = [said(f"Usage: {typed.program()} {name}{positional} [--flags]{behind}"), ""]
    for paragraph in (inspect.getdoc(task) or "").split("\n\n"):
        for indented, group in groupby(paragraph.splitlines(), key=lambda line: line.startswith(" ")):
            block = list(group)
            # indented lines are commands, which are not wrapped
            lines += map(typed.as_typed, block) if indented else _wrap(" ".join(block), _width(width))
        lines.append("")
    flags = [(described(context, flag), context.flags[flag].help or "") for flag in main_flags(context)]
    pad = max((len(spec) for spec, _ in flags), default=0)
    for spec, text in flags:
        lines += _entry(f"  {spec.ljust(pad)}   ", text, width)
    return "\n".join(lines)


def main_flags(context: ParserContext) -> Sequence[str]:
    """The flags of a task as the help lists them."""
    flags = sorted(to_flag(argument.names[0]) for argument in context.args.values())
    # the flags that every task has come last
    return sorted(flags, key=lambda flag: flag in ("--hosts-file", "--debug", "--events"))


def described(context: ParserContext, flag: str) -> str:
    """A flag with what stands for its value: ``--limit HOSTS``."""
    argument = context.flags[flag]
    if not argument.takes_value:
        return f"--[no-]{flag.lstrip('-')}" if argument.default is True else flag
    kind = "N" if argument.kind is int else argument.names[0].upper()
    more = " ..." if argument.kind is list else ""
    return f"{flag} {VALUES.get(argument.names[0], kind)}{more}"


def first_line(task: Task) -> str:
    """What a task does, in one line."""
    return (inspect.getdoc(task) or "").strip().partition("\n")[0]


def _width(width: int) -> int:
    return max(LEAST, min(width, MOST))


def _entry(lead: str, text: str, width: int) -> list[str]:
    wrapped = _wrap(text, max(20, _width(width) - len(lead))) or [""]
    return [(lead + wrapped[0]).rstrip(), *(" " * len(lead) + line for line in wrapped[1:])]


def _placed(task, argument) -> str:
    """A positional argument; in brackets if it may be left out."""
    name = argument.names[0].upper()
    parameter = task.argspec(task.body).parameters[argument.attr_name or argument.name]
    return name if parameter.default is parameter.empty else f"[{name}]"


def _wrap(text: str, width: int) -> list[str]:
    # names such as deploy-cluster and linux-aarch64 are not split
    return cells.wrapped(typed.as_typed(text), width)
