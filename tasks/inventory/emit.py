"""Values as YAML text, with quotes only where they are needed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.inventory import document

_PLAIN = re.compile(r"[A-Za-z0-9_./~][A-Za-z0-9_./@:,~\[\]-]*")


def scalar(text: str, flow: bool = False) -> str:
    """A text as a scalar.

    :param flow: inside [ ] or { }, where brackets and commas need quotes.
    """
    plain = _PLAIN.fullmatch(text) and not (flow and re.search(r"[\[\],:]", text))
    # 1e3, null and 010 would not be read as text again
    if plain and document.parse(f"- {text}").value == [text]:
        return text
    return json.dumps(text, ensure_ascii=False)


def inline(value: Any) -> str:
    """Any value on one line: ``{zone: a}``, ``[1, x]``, ``true``."""
    if isinstance(value, str):
        return scalar(value, flow=True)
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{scalar(str(key), flow=True)}: {inline(one)}" for key, one in value.items())
            + "}"
        )
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


def host_lines(host: str, fields: Mapping[str, Any]) -> list[str]:
    """A host as the lines of a list item, without indentation.

    :param fields: its other keys; without them the short form is written.
    """
    if not fields:
        return [f"- {scalar(host)}"]
    keys = {"host": host, **fields}
    lines = [f"{key}: {scalar(one) if isinstance(one, str) else inline(one)}" for key, one in keys.items()]
    return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]


def host_inline(host: str, fields: Mapping[str, Any]) -> str:
    """As `host_lines`, on one line and without the dash."""
    return inline({"host": host, **fields}) if fields else scalar(host, flow=True)
