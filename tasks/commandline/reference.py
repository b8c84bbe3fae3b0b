"""The reference of all commands and of what they print for programs, made from the tasks and schemas. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from itertools import groupby

from invoke import Task
from invoke.parser import ParserContext

from tasks.commandline.groups import grouped
from tasks.commandline.manual import described, first_line, main_flags

Said = Callable[[str], str]


def render(tasks: Mapping[str, Task], contexts: Mapping[str, ParserContext], said: Said = str) -> str:
    """Markdown: each task in its group, with its help and a table of its flags. Ends with a line break.

    :param said: a text in the reader's language; without it all is English.
    """
    parts = []
    for title, names in grouped(tasks).items():
        parts.append(f"## {said(title)}\n")
        for name in names:
            parts += [f"### {name}\n", *_help(tasks[name], said), _flags(contexts[name], said)]
    return "\n".join(parts)


def for_programs(
    tasks: Mapping[str, Task],
    contexts: Mapping[str, ParserContext],
    schemas: Mapping[str, str],
    said: Said = str,
) -> str:
    """Markdown: the commands that print JSON, then each published schema. Ends with a line break.

    :param schemas: the text of each schema by its name.
    :param said: as for :func:`render`.
    """
    rows = [
        f"| `{name} --json` | {_cell(said(first_line(tasks[name])))} |\n"
        for names in grouped(tasks).values()
        for name in names
        if "--json" in contexts[name].flags
    ]
    parts = [_table(said("Command"), said("Prints"), rows)]
    for name, text in sorted(schemas.items()):
        parts += [f"## {name}\n", f"```json\n{text.rstrip()}\n```\n"]
    return "\n".join(parts)


def _help(task: Task, said: Said) -> list[str]:
    out = []
    for paragraph in (inspect.getdoc(task) or "").split("\n\n"):
        for indented, group in groupby(paragraph.splitlines(), key=lambda line: line.startswith(" ")):
            lines = [line.strip() for line in group]
            # indented lines are commands
            out.append("\n".join(["```sh", *lines, "```"]) if indented else _cell(said(" ".join(lines))))
            out[-1] += "\n"
    return out


def _flags(context: ParserContext, said: Said) -> str:
    rows = [
        f"| `{described(context, flag)}` | {_cell(said(context.flags[flag].help or ''))} |\n"
        for flag in main_flags(context)
    ]
    return _table(said("Flag"), said("Meaning"), rows) if rows else ""


def _table(first: str, second: str, rows: list[str]) -> str:
    return f"| {first} | {second} |\n|---|---|\n{''.join(rows)}"


def _cell(text: str) -> str:
    """Text that Markdown leaves as it is."""
    for sign in "|*<":
        text = text.replace(sign, f"\\{sign}")
    return text
