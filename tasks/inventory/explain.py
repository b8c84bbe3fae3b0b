"""Pydantic's errors as lines that say what was found and what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from tasks.inventory.document import Document, Flaw
from tasks.inventory.model import HostEntry, HostsFile, Ssh
from tasks.inventory.problems import SECRET_KEYS, Where, either, nearest, shown

_CONTAINERS = {"model_type": "a mapping", "dict_type": "a mapping", "tuple_type": "a list"}
_PASSWORD = 'expected {env: NAME}, {command: "..."}, {prompt: true} or a quoted text'


def explain(
    error: ValidationError, model: type[BaseModel], document: Document, prefix: Where
) -> Iterator[Flaw]:
    for one in error.errors(include_url=False):
        where = (*prefix, *(key for key in one["loc"] if key != "[key]"))
        yield Flaw(document.line(where), where, _message(one, model, document, prefix, where))


def _message(error: Any, model: type[BaseModel], document: Document, prefix: Where, where: Where) -> str:
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if SECRET_KEYS.intersection(map(str, where[:-1])) or where[-1:] and where[-1] in SECRET_KEYS:
        return context["reason"] if kind == "refused" else _PASSWORD
    if kind == "refused":
        return context["reason"]
    if kind == "extra_forbidden":
        return _unknown_key(model, prefix, where)
    if kind == "missing":
        return "missing" if where[-1] != "host" else "missing; each host needs its address or name"
    if kind in _CONTAINERS:
        # a text may be a password that stands in a wrong place: only its kind is named
        found = shown(value) if isinstance(value, (dict, list)) or value is None else "a single value"
        return f"expected {_CONTAINERS[kind]}, got {found}"
    if kind != "expected":
        return "this value does not belong here"
    return _mismatch(context, value, None if error["loc"][-1] == "[key]" else document.typed(where), where)


def _mismatch(context: Any, value: Any, typed: str | None, where: Where) -> str:
    expected, words = context["expected"], context["words"]
    if context["quotable"] and isinstance(value, (int, float)):
        if "env" in where:
            return f"expected {expected}; put it in quotes"
        text = typed or str(value)
        also = "" if text == str(value) else f" (YAML reads it as the number {value})"
        return (
            f'expected {expected}, got the {_kind(value)} {shown(value, text)}{also}; quote it: "{text[:60]}"'
        )
    if "env" in where and where[-1] != "env" and value is not where[-1]:
        return f"expected {expected}"
    near = nearest(value, words) if isinstance(value, str) else None
    return f"expected {expected}, got {shown(value, typed)}" + (f"; did you mean {near}?" if near else "")


def _kind(value: object) -> str:
    return "word" if isinstance(value, bool) else "number"


def _unknown_key(model: type[BaseModel], prefix: Where, where: Where) -> str:
    key, owner = str(where[-1]), _owner(model, where[len(prefix) : -1])
    known = list(owner.model_fields)
    if owner is HostEntry and key == "ssh":
        return "unknown key here; on a host its keys stand by themselves: user, port, key, jump, ..."
    near = nearest(key, known)
    if near:
        return f"unknown key; did you mean {near}?"
    home = _homes().get(key.lower())
    if home and not (owner is HostsFile and len(where) > 1):
        return f"unknown key here; did you mean {home}?"
    return f"unknown key; known here: {either(known)}" if len(known) <= 12 else "unknown key"


def _owner(model: type[BaseModel], where: Where) -> type[BaseModel]:
    for key in where:
        model = next(_models(model.model_fields[str(key)].annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


@cache
def _homes() -> dict[str, str]:
    """Where each key of a section belongs, if that is not said in too many words."""
    homes: dict[str, list[str]] = {}
    for section, field in HostsFile.model_fields.items():
        for model in _models(field.annotation):
            if model is not HostEntry:
                for key in model.model_fields:
                    homes.setdefault(key, []).append(f"{section}.{key}")
    for key in HostEntry.model_fields.keys() - Ssh.model_fields.keys() - HostsFile.model_fields.keys():
        homes.setdefault(key, []).append(f"{key} of a host")
    return {key: either(places) for key, places in homes.items() if len(places) <= 3}
