"""What a host remembers of its node's start, so that a plan can name what has changed.

Arguments and variables that a person writes into the hosts file may hold secrets. For those the host keeps only
the name and a digest, which is too short to recover the value from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.inventory import Host

LONG = 24  # characters; a longer value is not shown


def remembered(
    host: Host, arguments: Sequence[str], variables: Mapping[str, str], **more: Any
) -> dict[str, Any]:
    """How a node was started, as names with their values.

    :param arguments: ``ray start`` with its arguments, those from the hosts file last.
    :param variables: the environment variables of Ray's processes.
    :param more: what the runtime adds: texts, or mappings such as :func:`by_name` and :func:`hidden` make.
    """
    own = host.ray.head_args if host.role == "head" else host.ray.worker_args
    ours = arguments[: len(arguments) - len(own)]
    return {
        "args": by_name(ours[2:]),
        "user_args": hidden(by_name(own)),
        "env": hidden(variables),
        **more,
    }


def differences(
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    texts: Sequence[str] = (),
    shown: Mapping[str, str] | None = None,
    secret: Mapping[str, str] | None = None,
) -> list[str]:
    """The names whose values differ between two starts, with ``old -> new`` where the values may be shown.

    :param texts: the runtime's own texts among ``more``.
    :param shown: the runtime's own mappings whose values may be shown, each with the word before the names.
    :param secret: the runtime's own mappings whose values may be secret, each with the word before the names.
    """
    out = [_changed(key, before[key], now[key]) for key in texts if _differs(key, before, now)]
    for key, lead in {"args": "", **(shown or {})}.items():
        old, new = before.get(key, {}), now.get(key, {})
        out += [lead + _changed(name, old.get(name), new.get(name)) for name in _names(old, new)]
    for key, lead in {"user_args": "", **(secret or {}), "env": "env "}.items():
        old, new = before.get(key, {}), now.get(key, {})
        out += [f"{lead}{name} {_how(old.get(name), new.get(name))}" for name in _names(old, new)]
    return out


def _differs(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return key in before and key in now and before[key] != now[key]


def _names(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _changed(name: str, old: str | None, new: str | None) -> str:
    if old is None or new is None or max(len(old), len(new)) > LONG:
        return f"{name} {_how(old, new)}"
    return f"{name} {old} -> {new}"


def _how(old: str | None, new: str | None) -> str:
    """The kind of change of an item whose value is not shown."""
    return "added" if old is None else "removed" if new is None else "changed"


def by_name(arguments: Sequence[str]) -> dict[str, str]:
    """``--name=value``, ``--name value``, ``--name`` -> names and values; a repeated name gets all its values."""
    found: dict[str, list[str]] = {}
    name = ""
    for argument in arguments:
        if argument.startswith("-"):
            name, is_set, value = argument.partition("=")
            found.setdefault(name, []).extend([value] if is_set else [])
        else:
            found.setdefault(name, []).append(argument)
    return {name: " ".join(values) for name, values in found.items()}


def hidden(values: Mapping[str, str]) -> dict[str, str]:
    """Names and short digests: they show that a value changed, but not the value."""
    return {name: _digest(value) for name, value in values.items()}


def _digest(value: str) -> str:
    # 16 bits show a change, but very many secrets have the same digest
    return hashlib.sha256(value.encode()).hexdigest()[:4]
