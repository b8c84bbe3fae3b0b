"""The secrets that a run knows, so that they can be taken out of whatever is written down."""

from __future__ import annotations

import base64
import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from tasks.inventory import Secret, SecretSource
from tasks.run.run import Run
from tasks.text.quoting import as_shells_print
from tasks.text.redaction import Redactor, named_like_a_secret


def redactor(run: Run) -> Redactor:
    """What takes this run's secrets out of a text, and all that looks like one."""
    known: set[str] = set()
    for value in _values(run):
        if value:
            known |= {value, quote(value, safe=""), base64.b64encode(value.encode()).decode()}
            known |= as_shells_print(value) if "\0" not in value else set()
    return Redactor(known)


def _values(run: Run) -> Iterator[str]:
    nodes = [*run.every(), *run.record.left_out, *run.record.gone]
    for node in nodes:
        yield from _secrets(node.passwords)
        yield from _secrets(node.host)
        yield from (value for name, value in node.host.ray.env.items() if named_like_a_secret(name))
    yield from _secrets(run.cluster)
    yield from _secrets(run.learned.token)


def _secrets(thing: Any) -> Iterator[str]:
    """The secrets anywhere in it; one that a person would have to type, or a program to print, is not asked for."""
    if isinstance(thing, Secret):
        yield thing.reveal()
    elif isinstance(thing, SecretSource):
        if thing.kind == "env":
            yield os.environ.get(str(thing.argument), "")
        else:
            yield from _secrets(thing.argument)
    elif dataclasses.is_dataclass(thing) or isinstance(thing, BaseModel):
        for value in vars(thing).values():
            yield from _secrets(value)
    elif isinstance(thing, Mapping):
        for value in thing.values():
            yield from _secrets(value)
    elif isinstance(thing, (list, tuple, set, frozenset)):
        for value in thing:
            yield from _secrets(value)
