"""The table of all keys, as the README shows it, made from the models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tasks.inventory.model import Defaults, HostEntry, HostsFile, SshKeys
from tasks.inventory.rule import Rule
from tasks.inventory.sections import models_in

_HEAD = "| Key | Type | Default | Meaning |\n|---|---|---|---|"


def render() -> str:
    """Two Markdown tables: what the cluster says, and what a host says. Ends with a line break."""
    # what makes a host comes first, what it has in common with `ssh:` last
    rows = sorted(_rows(HostEntry, "", nested=False), key=lambda row: "`ssh." in row)
    host = "".join(f"{row}\n" for row in rows)
    return (
        f"**For the cluster**\n\n{_HEAD}\n"
        + "".join(f"{row}\n" for row in _rows(HostsFile, ""))
        + f"\n**On a host** (`head` and each of `workers`)\n\n{_HEAD}\n{host}"
    )


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
        return "needed"
    if model is HostEntry and key in SshKeys.model_fields:
        return f"`ssh.{key}`"
    if model is HostEntry and field.default is None and key in Defaults.model_fields:
        return f"`{key}`" if key == "runtime" else ""
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _type(annotation: Any, metadata: list[Any]) -> str:
    """'port', 'list of text', 'mapping of name to text', 'host'."""
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
