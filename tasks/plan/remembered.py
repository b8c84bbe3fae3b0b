"""What a host remembers of its node's start, so that a plan can name what has changed.

Free arguments and variables of the hosts file may hold secrets: of those only the name is kept, with a digest that is
too short to tell the value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.inventory import Host

LONG = 24  # characters; what is longer is named without its value


def remembered(
    host: Host,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    options: Sequence[str] = (),
    **more: str,
) -> dict[str, Any]:
    """The start of a node by names.

    :param arguments: those of ``ray start``, the hosts file's own at their end.
    :param options: of ``docker run``, without the hosts file's own.
    :param more: what else a restart can be for, such as the image.
    """
    own = host.ray.head_args if host.role == "head" else host.ray.worker_args
    ours = arguments[: len(arguments) - len(own)]
    return {
        "args": _pairs(ours[2:]),
        "user_args": _digests(_pairs(own)),
        "env": _digests(environment),
        "docker": _pairs(options),
        "run_args": _digests(_pairs(host.docker.run_args if host.runtime == "docker" else ())),
        **more,
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two of these, each with its name, and ``old -> new`` where the values may be shown."""
    out = [_changed(key, before[key], now[key]) for key in ("image", "network") if _differs(key, before, now)]
    for key, lead in (("args", ""), ("docker", "docker ")):
        old, new = before.get(key, {}), now[key]
        out += [lead + _changed(name, old.get(name), new.get(name)) for name in _names(old, new)]
    for key, lead in (("user_args", ""), ("run_args", "docker "), ("env", "env ")):
        old, new = before.get(key, {}), now[key]
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
    """For what is named without its value."""
    return "added" if old is None else "removed" if new is None else "changed"


def _pairs(arguments: Sequence[str]) -> dict[str, str]:
    """``--name=value``, ``--name value``, ``--name`` -> names and values; a name that comes again has all of them."""
    found: dict[str, list[str]] = {}
    name = ""
    for argument in arguments:
        if argument.startswith("-"):
            name, is_set, value = argument.partition("=")
            found.setdefault(name, []).extend([value] if is_set else [])
        else:
            found.setdefault(name, []).append(argument)
    return {name: " ".join(values) for name, values in found.items()}


def _digests(values: Mapping[str, str]) -> dict[str, str]:
    return {name: _digest(value) for name, value in values.items()}


def _digest(value: str) -> str:
    # 16 bits: a change is seen, and a secret could be any of very many
    return hashlib.sha256(value.encode()).hexdigest()[:4]
