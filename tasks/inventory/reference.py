"""The reference of all keys and values in the manual, made from the models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tasks.inventory.document import parse
from tasks.inventory.model import Defaults, HostEntry, HostsFile, SshKeys
from tasks.inventory.nodes import compose
from tasks.inventory.rule import Rule
from tasks.inventory.scalars import TAG
from tasks.inventory.sections import models_in

# Examples of values without quotes; the kind of each comes from the code that reads hosts files.
PLAIN = (
    *("true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL", "~"),
    *("8", "-8", "+8", "017", "0o17", "0x1F", "1.5", ".5", "1e3", ".inf", "-.inf", ".nan"),
    *("yes", "no", "on", "off", "1_000", "0b11", "12:30:45", "2020-01-31", "1.2.3"),
)
_KINDS = {
    "bool": "true or false",
    "null": "null, as is an empty value",
    "int": "an integer",
    "float": "a number",
    "str": "text, as is everything else",
}
_HEAD = "| Key | Type | Default | Meaning |\n|---|---|---|---|"


def render() -> str:
    """Markdown: the keys of the cluster, the keys of a host, and what values without quotes are.

    Ends with a line break.
    """
    # the keys that only a host has come first, those that it shares with `ssh:` last
    rows = sorted(_rows(HostEntry, "", nested=False), key=lambda row: "`ssh." in row)
    host = "".join(f"{row}\n" for row in rows)
    return (
        f"**For the cluster**\n\n{_HEAD}\n"
        + "".join(f"{row}\n" for row in _rows(HostsFile, ""))
        + f"\n**On a host** (`head` and each of `workers`)\n\n{_HEAD}\n{host}"
        + f"\n**Values without quotes** (the core schema of YAML 1.2)\n\n{_plain_values()}"
        + "\nWhere true or false is expected, `yes`, `on`, `no` and `off` are accepted as well.\n"
    )


def _plain_values() -> str:
    rows: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for text in PLAIN:
        value = parse(text).value
        # after octal, hexadecimal and e notation: the number that is meant
        also = f" ({value:g})" if type(value) in (int, float) and re.match(r"0.|\d+e", text) else ""
        rows[compose(text).tag.removeprefix(TAG)].append(f"`{text}`{also}")
    lines = [f"| {', '.join(examples)} | {_KINDS[kind]} |\n" for kind, examples in rows.items()]
    return "| Written | Is |\n|---|---|\n" + "".join(lines)


def _rows(model: type[BaseModel], prefix: str, nested: bool = True) -> Iterator[str]:
    for key, field in model.model_fields.items():
        inner = next(models_in(field.annotation), None)
        if nested and inner and inner is not HostEntry:
            yield from _rows(inner, f"{prefix}{key}.")
        else:
            kind = _type(field.annotation, field.metadata)
            yield f"| `{prefix}{key}` | {kind} | {_default(model, key, field)} | {field.description} |"


def _default(model: type[BaseModel], key: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if model is HostEntry and key in SshKeys.model_fields:
        return f"`ssh.{key}`"
    if model is HostEntry and field.default is None and key in Defaults.model_fields:
        return f"`{key}`" if key == "runtime" else ""
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _type(annotation: Any, metadata: list[Any]) -> str:
    """Such as ``port``, ``list of text``, ``mapping of name to text`` and ``host``."""
    rule = next((one for one in metadata if isinstance(one, Rule)), None)
    if rule:
        return rule.label
    inner = [argument for argument in get_args(annotation) if argument not in (type(None), ...)]
    if get_origin(annotation) is Annotated:
        return _type(inner[0], list(annotation.__metadata__))
    if get_origin(annotation) is tuple:
        return f"list of {_type(inner[0], [])}"
    if get_origin(annotation) is dict:
        return f"mapping of {_type(inner[0], [])} to {_type(inner[1], [])}"
    if inner:
        return _type(inner[0], [])
    return "host" if annotation is HostEntry else "mapping"
