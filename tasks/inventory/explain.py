"""Pydantic's errors as lines that say what was found and what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from tasks.inventory.document import Document, Flaw
from tasks.inventory.model import HostEntry, HostsFile, Ssh
from tasks.inventory.problems import SECRET_KEYS, Where, either, nearest, shown
from tasks.inventory.rule import Rule
from tasks.inventory.sections import models_in

_CONTAINERS = {"model_type": "a mapping", "dict_type": "a mapping", "tuple_type": "a list"}


def explain(
    error: ValidationError, model: type[BaseModel], document: Document, prefix: Where
) -> Iterator[Flaw]:
    for one in error.errors(include_url=False):
        where = (*prefix, *(key for key in one["loc"] if key != "[key]"))
        yield Flaw(document.line(where), where, _message(one, model, document, prefix, where))


def _message(error: Any, model: type[BaseModel], document: Document, prefix: Where, where: Where) -> str:
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
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
    typed = None if error["loc"][-1] == "[key]" else document.typed(where)
    return _mismatch(context["rule"], value, typed, secret=_is_secret(where))


def _is_secret(where: Where) -> bool:
    """May the value not be shown? Environment variables hold keys and tokens too."""
    return "env" in where[:-1] or bool(SECRET_KEYS.intersection(map(str, where)))


def _mismatch(rule: Rule, value: Any, typed: str | None, secret: bool) -> str:
    expected = f"expected {rule.expected}"
    typed = typed or str(value)
    if isinstance(value, (int, float)) and rule.is_free_text:
        if secret:
            return f"{expected}; put it in quotes"
        kind = "word" if isinstance(value, bool) else "number"
        also = (
            ""
            if isinstance(value, bool) or typed == str(value)
            else f" (YAML reads it as the number {value})"
        )
        way_out = f'; quote it: "{typed}"' if rule.accepts(typed) and len(typed) <= 40 else "; quote it"
        return f"{expected}, got the {kind} {shown(value, typed)}{also}{way_out}"
    if secret:
        return expected
    near = nearest(value, rule.schema.get("enum", ())) if isinstance(value, str) else None
    return f"{expected}, got {shown(value, typed)}" + (f"; did you mean {near}?" if near else "")


def _unknown_key(model: type[BaseModel], prefix: Where, where: Where) -> str:
    key, owner = str(where[-1]), _owner(model, where[len(prefix) : -1])
    known = list(owner.model_fields)
    if owner is HostEntry and key == "ssh":
        return "unknown key here; on a host write its keys directly: user, port, key, jump, ..."
    near = nearest(key, known)
    if near:
        return f"unknown key; did you mean {near}?"
    home = _homes().get(key.lower())
    if home and not (owner is HostsFile and len(where) > 1):
        return f"unknown key here; did you mean {home}?"
    return f"unknown key; known here: {either(known)}" if len(known) <= 12 else "unknown key"


def _owner(model: type[BaseModel], where: Where) -> type[BaseModel]:
    for key in where:
        model = next(models_in(model.model_fields[str(key)].annotation), model)
    return model


@cache
def _homes() -> dict[str, str]:
    """Where each key of a section belongs, if that is not said in too many words."""
    homes: dict[str, list[str]] = {}
    for section, field in HostsFile.model_fields.items():
        for model in models_in(field.annotation):
            if model is not HostEntry:
                for key in model.model_fields:
                    homes.setdefault(key, []).append(f"{section}.{key}")
    for key in HostEntry.model_fields.keys() - Ssh.model_fields.keys() - HostsFile.model_fields.keys():
        homes.setdefault(key, []).append(f"{key} of a host")
    return {key: either(places) for key, places in homes.items() if len(places) <= 3}
