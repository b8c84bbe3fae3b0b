"""Sizes as people write them: ``8gb``, ``512m``, ``1.5 GiB``."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import core_schema

_PATTERN = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([kmgt]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
SMALLEST = 1024**2
LARGEST = 1024**5


class Size(str):
    """A size that prints as it was typed. Units are powers of 1024, as in Docker."""

    __slots__ = ()

    def __new__(cls, text: str) -> Size:
        """:raises ValueError: the text is not a size, or not between 1 MiB and 1 PiB."""
        size = super().__new__(cls, text)
        if not SMALLEST <= size.bytes <= LARGEST:
            raise ValueError("out of range")
        return size

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(cls, serialization=core_schema.to_string_ser_schema())

    @property
    def bytes(self) -> int:
        match = _PATTERN.fullmatch(self)
        if not match:
            raise ValueError("not a size")
        return int(float(match[1]) * _UNITS[match[2].lower()])
