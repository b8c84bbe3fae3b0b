"""Pydantic's errors as messages that name what was found and what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from tasks.inventory.document import Document, Flaw, parse
from tasks.inventory.model import HostEntry, HostsFile, Ssh
from tasks.inventory.problems import SECRET_KEYS, Where
from tasks.inventory.rule import Rule
from tasks.inventory.sections import models_in
from tasks.text.wording import either, nearest, shown

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
        # a text can be a password in a wrong place, so only its kind is named
        found = shown(value) if isinstance(value, (dict, list)) or value is None else "a single value"
        return f"expected {_CONTAINERS[kind]}, got {found}"
    if kind != "expected":
        return "this value does not belong here; leave it out"
    typed = None if error["loc"][-1] == "[key]" else document.typed(where)
    return _mismatch(context["rule"], value, typed, secret=_is_secret(where))


def _is_secret(where: Where) -> bool:
    """Whether the value must not be shown: environment variables hold keys and tokens too."""
    return "env" in where[:-1] or bool(SECRET_KEYS.intersection(map(str, where)))


def _mismatch(rule: Rule, value: Any, typed: str | None, secret: bool) -> str:
    expected = f"expected {rule.expected}"
    typed = typed or str(value)
    if isinstance(value, (int, float)) and rule.is_free_text:
        return f"{expected}; put it in quotes" if secret else f"{expected}, {_not_quoted(rule, value, typed)}"
    if secret:
        return expected
    if rule.schema.get("type") in ("integer", "number") and isinstance(value, (str, float)):
        return f"{expected}, {_not_a_number(rule, value, typed)}"
    near = nearest(value, rule.schema.get("enum", ())) if isinstance(value, str) else None
    return f"{expected}, got {shown(value, typed)}" + (f"; did you mean {near}?" if near else "")


def _not_quoted(rule: Rule, value: int | float, typed: str) -> str:
    """A number, true or false where text is expected."""
    kind, also = "number", f" (YAML reads it as the number {value})"
    if isinstance(value, bool):
        kind = "word"
    if isinstance(value, bool) or typed == str(value):
        also = ""
    way_out = f'quote it: "{typed}"' if rule.accepts(typed) and len(typed) <= 40 else "quote it"
    return f"got the {kind} {shown(value, typed)}{also}; {way_out}"


def _not_a_number(rule: Rule, value: str | float, typed: str) -> str:
    """Text where a number is expected, as in ``"22"`` and ``1_000``, or 1e3 where an integer is."""
    if isinstance(value, float):
        kind, number = "", int(value) if value.is_integer() else None
    else:
        kind, number = "the text ", parse(value.replace("_", "")).value
    way_out = ""
    if type(number) in (int, float) and rule.accepts(number):
        way_out = "; leave the quotes out" if str(number) == value else f"; write {number}"
    return f"got {kind}{shown(value, typed)}{way_out}"


def _unknown_key(model: type[BaseModel], prefix: Where, where: Where) -> str:
    key, owner = str(where[-1]), _owner(model, where[len(prefix) : -1])
    known = list(owner.model_fields)
    if owner is HostEntry and key == "ssh":
        return "unknown key here; write its keys directly on the host: user, port, key, jump, ..."
    near = nearest(key, known)
    if near:
        return f"unknown key; did you mean {near}?"
    home = _homes().get(key.lower())
    if home and not (owner is HostsFile and len(where) > 1):
        return f"unknown key here; did you mean {home}?"
    return f"unknown key; known here: {either(known)}" if len(known) <= 13 else "unknown key"


def _owner(model: type[BaseModel], where: Where) -> type[BaseModel]:
    for key in where:
        model = next(models_in(model.model_fields[str(key)].annotation), model)
    return model


@cache
def _homes() -> dict[str, str]:
    """The sections that each key belongs to; keys of more than three are left out."""
    homes: dict[str, list[str]] = {}
    for section, field in HostsFile.model_fields.items():
        for model in models_in(field.annotation):
            if model is not HostEntry:
                for key in model.model_fields:
                    homes.setdefault(key, []).append(f"{section}.{key}")
    for key in HostEntry.model_fields.keys() - Ssh.model_fields.keys() - HostsFile.model_fields.keys():
        homes.setdefault(key, []).append(f"{key} of a host")
    return {key: either(places) for key, places in homes.items() if len(places) <= 3}
