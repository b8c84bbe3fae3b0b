"""A `Rule` is one kind of value: for validation, error messages, the JSON Schema and the reference."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError, core_schema

from tasks.inventory import address
from tasks.text.wording import either

MISMATCH = object()  # a check returns it for a value of another kind


@dataclass(frozen=True)
class Rule:
    """``check`` returns the value to keep or `MISMATCH`; the text of a ValueError becomes the message."""

    label: str  # in the reference: "port"
    expected: str  # in an error: "expected 1-65535, got 70000"
    check: Callable[[Any], Any]
    schema: dict[str, Any]

    def __hash__(self) -> int:
        return id(self)

    def validate(self, value: Any) -> Any:
        """The value to keep.

        :raises PydanticCustomError: ``refused`` with a reason, or ``expected`` with this rule.
        """
        try:
            kept = self.check(value)
        except ValueError as error:
            raise PydanticCustomError("refused", "{reason}", {"reason": str(error)}) from None
        if kept is MISMATCH:
            raise PydanticCustomError("expected", "not what was expected", {"rule": self})
        return kept

    @property
    def is_free_text(self) -> bool:
        """Whether a number here is probably text without its quotes."""
        return self.schema.get("type") == "string" and "enum" not in self.schema and self.label != "size"

    def accepts(self, value: Any) -> bool:
        """Whether the value is valid."""
        try:
            return self.check(value) is not MISMATCH
        except ValueError:
            return False

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema)


def whole(low: int, high: int, label: str = "integer") -> Rule:
    """An integer between two bounds, both included."""

    def check(value: Any) -> Any:
        return value if type(value) is int and low <= value <= high else MISMATCH

    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Rule(label, f"{low}-{high}", check, schema)


def number(low: float, high: float) -> Rule:
    """A number between two bounds, both included; not infinite."""

    def check(value: Any) -> Any:
        fits = type(value) in (int, float) and math.isfinite(value) and low <= value <= high
        return float(value) if fits else MISMATCH

    bounds = f"{low:g} or more" if high >= 1e15 else f"{low:g}-{high:g}"
    schema = {"type": "number", "minimum": low, "maximum": high}
    return Rule("number", f"a number, {bounds}", check, schema)


def one_of(*words: str, spellings: dict[Any, str] | None = None) -> Rule:
    """One of these words.

    :param spellings: other values that are accepted -> the word that each stands for.
    """
    also = spellings or {}

    def check(value: Any) -> Any:
        if isinstance(value, bool):
            return also.get(value, MISMATCH)
        return value if isinstance(value, str) and value in words else MISMATCH

    schema: dict[str, Any] = {"type": "string", "enum": list(words)}
    if also:
        schema = {"enum": [*words, *also]}
    return Rule(" \\| ".join(words), either(words), check, schema)


def text(label: str, expected: str, accept: Callable[[str], Any] = bool, **schema: Any) -> Rule:
    """Text without control characters.

    :param accept: returns whether a text is accepted, or the value to keep instead of it.
    :param schema: more keys of its JSON Schema.
    """

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            return MISMATCH
        address.check_text(value)
        kept = accept(value)
        return value if kept is True else MISMATCH if kept is False else kept

    return Rule(label, expected, check, {"type": "string", **schema})


def pattern(label: str, expected: str, regex: str) -> Rule:
    """Text that a regular expression matches as a whole; classes such as ``\\d`` mean ASCII."""
    compiled = re.compile(regex, re.ASCII)
    return text(
        label, expected, lambda value: compiled.fullmatch(value) is not None, pattern=f"^(?:{regex})$"
    )
