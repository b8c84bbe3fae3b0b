"""Ranges in host names: ``10.0.0.[10-19]``, ``node[01-32].lab``, ``node[1-3,7]``; several multiply."""

from __future__ import annotations

import re
from itertools import product
from math import prod

MAX_HOSTS = 10_000
_BRACKETS = re.compile(r"\[([^\[\]:]*)\]")  # with a colon it is an IPv6 address
_COMMA = re.compile(r",(?![^\[\]]*\])")  # not one inside [1-3,7]
_PART = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


def is_range(pattern: str) -> bool:
    return _BRACKETS.search(pattern) is not None


def listed(text: str) -> list[str]:
    """The parts of a list with commas; a range such as ``n[1-3,7]`` stays one part."""
    return [part.strip() for part in _COMMA.split(text) if part.strip()]


def expand(pattern: str) -> list[str]:
    """All names of a pattern in order; a text without a range is its own only name.

    :raises ValueError: the range is malformed, runs backwards or is longer than MAX_HOSTS.
    """
    pieces, choices = _split(pattern)
    if prod(len(choice) for choice in choices) > MAX_HOSTS:
        raise ValueError(f"the range {pattern[:60]} names more than {MAX_HOSTS} hosts")
    return [_joined(pieces, picked) for picked in product(*choices)]


def without(pattern: str, index: int) -> list[str]:
    """The patterns that name all but the `index`-th of `expand(pattern)`, in the same order."""
    pieces, choices = _split(pattern)
    if not choices:
        return []
    rest = prod(len(choice) for choice in choices[1:])
    position, inner = divmod(index, rest)
    before, picked, after = choices[0][:position], choices[0][position], choices[0][position + 1 :]
    tail = pattern[pattern.index("]", len(pieces[0])) + 1 :]
    if len(choices) == 1:
        kept = before + after
        return [pieces[0] + compact(kept) + tail] if kept else []
    left = [pieces[0] + compact(before) + tail] if before else []
    left += [pieces[0] + picked + shorter for shorter in without(tail, inner)]
    return left + ([pieces[0] + compact(after) + tail] if after else [])


def _split(pattern: str) -> tuple[list[str], list[list[str]]]:
    """The texts around the brackets (one more than there are brackets) and the choices in each."""
    parts = _BRACKETS.split(pattern)
    return parts[::2], [_numbers(inside) for inside in parts[1::2]]


def _joined(pieces: list[str], picked: tuple[str, ...]) -> str:
    return pieces[0] + "".join(choice + piece for choice, piece in zip(picked, pieces[1:], strict=True))


def _numbers(inside: str) -> list[str]:
    numbers: list[str] = []
    quoted = f"[{inside if len(inside) <= 40 else inside[:37] + '...'}]"
    for part in inside.split(","):
        match = _PART.fullmatch(part.strip())
        if not match:
            raise ValueError(f"{quoted} is not a range; write numbers such as [1-9] or [01-32]")
        first, last = match[1], match[2] or match[1]
        if int(first) > int(last):
            raise ValueError(f"the range {quoted} runs backwards")
        if len(first) > len(last) or (last[0] == "0" and len(first) != len(last)):
            raise ValueError(f"both ends of the range {quoted} need the same number of digits")
        if int(last) - int(first) >= MAX_HOSTS:
            raise ValueError(f"the range {quoted} is longer than {MAX_HOSTS}")
        width = len(first) if first[0] == "0" else 0
        numbers += [str(number).zfill(width) for number in range(int(first), int(last) + 1)]
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"the range {quoted} names a number twice")
    return numbers


def compact(numbers: list[str]) -> str:
    """Numbers in order as a range: ['08', '09', '11'] -> '[08-09,11]'; a single one stands alone."""
    if len(numbers) == 1:
        return numbers[0]
    runs: list[list[str]] = []
    for number in numbers:
        if runs and number == _after(runs[-1]):
            runs[-1].append(number)
        else:
            runs.append([number])
    return "[" + ",".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) + "]"


def _after(run: list[str]) -> str:
    """The number that continues a run, as wide as `_numbers` makes it."""
    return str(int(run[-1]) + 1).zfill(len(run[0]) if run[0][0] == "0" else 0)
