"""Invoke's parser, for which a positional argument with a default can be left out."""

from __future__ import annotations

import re
from typing import Any

import invoke
from invoke import Collection
from invoke.parser import ParseError, Parser, ParseResult

LEFT_OUT = "\0"  # in the place of one that was not given


class WordsParser(Parser):
    """:param collection: the tasks of the contexts."""

    def __init__(self, collection: Collection, **more: Any) -> None:
        super().__init__(**more)
        self._collection = collection

    def parse_argv(self, argv: list[str]) -> ParseResult:
        given = list(argv)
        while True:
            try:
                found = super().parse_argv(given)
                break
            except ParseError as error:
                if not self._leaves_out(error):
                    raise
            given.append(LEFT_OUT)
        for context in found:
            for argument in context.args.values():
                if argument.value == LEFT_OUT:
                    argument._value = None
        return found

    def _leaves_out(self, error: ParseError) -> bool:
        missing = re.search(r"did not receive required positional arguments: '(\w[\w-]*)'", str(error))
        if not missing or error.context is None:
            return False
        argument = error.context.args[missing.group(1)]
        name = argument.attr_name or argument.name
        return name not in required(self._collection[error.context.name])


def required(task: invoke.Task) -> list[str]:
    """Parameters without a default, whose flags are required."""
    parameters = task.argspec(task.body).parameters.values()
    return [one.name for one in parameters if one.default is one.empty]
