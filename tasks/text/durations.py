"""Lengths of time as people write them: ``90s``, ``10m``, ``2h``; a number alone is seconds."""

from __future__ import annotations

import re

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def parse(text: str) -> int:
    """Seconds. :raises ValueError: it is no length of time."""
    found = re.fullmatch(r"\s*(\d{1,7})\s*(s|m|min|h|d|)\s*", str(text))
    if not found:
        raise ValueError("expected a length of time such as 90s, 10m or 2h")
    return int(found.group(1)) * _UNITS[found.group(2)]


def spelled(seconds: int) -> str:
    """``600`` -> ``10 min``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def took(seconds: float) -> str:
    """How long something took: ``3.2 s``, ``4 min 10 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{seconds:.1f} s"
