"""How the stand-in for PowerShell treats values: texts of them, truth, comparison, addition."""

from __future__ import annotations

import re
from typing import Any


class Unsupported(BaseException):
    """Not in the part of PowerShell that is stood in for. No script can catch it: the test must fail."""


class ScriptExit(BaseException):
    def __init__(self, code: int) -> None:
        self.code = code


class PSError(Exception):
    """An error that a script can catch; `base` is what .NET would give as its base exception."""

    def __init__(self, message: str, base: Any = None) -> None:
        super().__init__(message)
        self.base = base


class Void:
    """What a method without a value gives: nothing at all, unlike $null."""


VOID = Void()


class Table(dict):
    """A hash table: its keys do not mind upper and lower case, and are members, too."""

    @staticmethod
    def fold(key: Any) -> Any:
        return key.lower() if isinstance(key, str) else key

    def __getitem__(self, key: Any) -> Any:
        return self.get(self.fold(key), (None, None))[1]

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(self.fold(key), (key, value))

    @property
    def Keys(self) -> list:
        return [key for key, _ in self.values()]

    def ContainsKey(self, key: Any) -> bool:
        return self.fold(key) in self

    def Remove(self, key: Any) -> Void:
        self.pop(self.fold(key), None)
        return VOID


def text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return " ".join(map(text, value))
    if isinstance(value, PSError):
        return str(value)
    if isinstance(value, (str, int, float)):
        return str(value)
    raise Unsupported(f"the text of a {type(value).__name__}")


def truth(value: Any) -> bool:
    if isinstance(value, list):
        return truth(value[0]) if len(value) == 1 else bool(value)
    return bool(value) if isinstance(value, (str, int, float, bool, type(None))) else True


def number(value: Any) -> int | float:
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value.strip()):
        return int(value)
    raise PSError(f"Cannot convert value {value!r} to a number")


def plus(left: Any, right: Any) -> Any:
    if isinstance(left, list):
        return left + (right if isinstance(right, list) else [right])
    if isinstance(left, str):
        return left + text(right)
    if isinstance(left, (int, float)):
        return left + number(right)
    if left is None:
        return right
    raise Unsupported(f"{type(left).__name__} + {type(right).__name__}")


def same(left: Any, right: Any, *, case: bool = False) -> bool:
    if isinstance(left, list):
        raise Unsupported("-eq that filters a list")
    if isinstance(left, str) and right is not None:
        a, b = left, text(right)
        return a == b if case else a.lower() == b.lower()
    if isinstance(left, bool) or left is None or right is None:
        return left is None and right is None if left is None or right is None else left == truth(right)
    if isinstance(left, (int, float)):
        return left == number(right)
    raise Unsupported(f"-eq of a {type(left).__name__}")


def regex(pattern: str, *, case: bool = False) -> re.Pattern[str]:
    """A .NET pattern for Python's engine, as far as the two agree."""
    if "(?<" in pattern:
        raise Unsupported(f"the pattern {pattern}")
    return re.compile(pattern.replace(r"\z", r"\Z"), 0 if case else re.IGNORECASE)


def substitution(words: str) -> str:
    return re.sub(r"\$(\d)", r"\\g<\1>", words.replace("\\", "\\\\"))
