"""Prints the table of tasks and flags as JSON. table.py runs it in a process of its own: it imports everything."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]


def collect(collection, core) -> dict[str, Any]:
    """The table's content.

    :param collection: of tasks, as invoke has it.
    :param core: the program's own flags: invoke's arguments.
    """
    import yaml

    from tasks.commandline.manual import PROGRAM_FLAGS
    from tasks.completion.known import core_value, value

    tasks = {}
    for context in collection.to_contexts():
        said = (collection[context.name].__doc__ or "").strip().partition("\n")[0]
        arguments = {id(argument): argument for argument in context.args.values()}.values()
        found = [
            _flag(argument, value(context.name, argument), _spelled(context, argument))
            for argument in arguments
        ]
        task = {"help": said, "flags": sorted(found, key=lambda flag: flag["names"][0])}
        tasks.update(dict.fromkeys((context.name, *context.aliases), task))
    # only those of the program's own flags are offered that its help shows
    shown = {
        name: said for spelled, said in PROGRAM_FLAGS for name in spelled.split() if name.startswith("--")
    }
    own = []
    for argument in core:
        flag = _flag(argument, core_value(argument), _dashed(argument.names))
        name = flag["names"][0]
        own.append({**flag, "help": shown.get(name, flag["help"]), "shown": name in shown})
    # fast.py starts without site-packages, and needs to know where PyYAML is
    return {"tasks": dict(sorted(tasks.items())), "core": own, "yaml": str(Path(yaml.__file__).parents[1])}


def _flag(argument, value: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {
        "names": names,
        "help": " ".join((argument.help or "").split()),
        "value": value if argument.takes_value else None,
        "optional": bool(argument.optional),
        "positional": bool(argument.positional),
        "again": argument.kind is list or bool(argument.incrementable),
    }


def _spelled(context, argument) -> list[str]:
    """The flag's spellings; a switch that is on by default is offered as the one that turns it off."""
    names = _dashed(argument.names)
    off = [inverse for inverse, name in context.inverse_flags.items() if name in names]
    return off + names


def _dashed(names) -> list[str]:
    """With dashes; the long name comes first, since the first one is offered."""
    return sorted((f"--{name}" if len(name) > 1 else f"-{name}" for name in names), key=len, reverse=True)


def main() -> None:
    # a user's own tasks may print while they are imported
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path.insert(0, str(TOP))
    from fabric.main import program
    from invoke import Collection
    from invoke.loader import FilesystemLoader

    module, _ = FilesystemLoader(start=str(TOP)).load("fabfile")
    with open(out, "w", encoding="utf-8") as file:
        json.dump(collect(Collection.from_module(module), program.core_args()), file)


if __name__ == "__main__":
    main()
