"""Host names in short form, the reverse of a range: ``node1 node2 node3`` -> ``node[1-3]``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tasks.inventory import ranges

# the longest number that a range takes; a longer one is text
_NUMBER = re.compile(r"(?<![0-9])([0-9]{1,9})(?![0-9])")


def fold(names: Iterable[str]) -> list[str]:
    """The fewest patterns found that :func:`tasks.inventory.ranges.expand` turns into exactly these names.

    Patterns come in the order of their first name. Numbers of a different width stay apart: ``n[1,01]``. A name with
    brackets or a comma stays as it is.
    """
    place: dict[str, int] = {}
    for name in names:
        place.setdefault(name, len(place))
    alike: dict[tuple[str, ...], dict[tuple[tuple[str, ...], ...], int]] = {}
    found: dict[str, int] = {}
    for name, at in place.items():
        parts = _NUMBER.split(name)
        if len(parts) == 1 or "[" in name or "]" in name or "," in name:
            found[name] = at
        else:
            alike.setdefault(tuple(parts[::2]), {})[tuple((number,) for number in parts[1::2])] = at
    for texts, boxes in alike.items():
        for numbers, at in _merged(boxes, len(texts) - 1).items():
            found[_pattern(texts, numbers)] = at
    return sorted(found, key=found.__getitem__)


def folded(names: Iterable[str]) -> str:
    """The patterns with commas, as ``--limit`` takes them."""
    return ",".join(fold(names))


def _merged(
    boxes: dict[tuple[tuple[str, ...], ...], int], count: int
) -> dict[tuple[tuple[str, ...], ...], int]:
    """Merges what differs in one number only, beginning with the last number.

    :param boxes: the numbers at each place of a name, and the position of its first name.
    """
    for at in reversed(range(count)):
        rows: dict[tuple[tuple[str, ...], ...], dict[str, int]] = {}
        for box, first in boxes.items():
            row = rows.setdefault((*box[:at], *box[at + 1 :]), {})
            for number in box[at]:
                row[number] = first
        boxes = {(*rest[:at], _in_order(row), *rest[at:]): min(row.values()) for rest, row in rows.items()}
    return boxes


def _in_order(numbers: Iterable[str]) -> tuple[str, ...]:
    """By value, each width of padded numbers by itself, so that no run is torn apart."""
    every = list(numbers)
    widths = {len(number) for number in every if len(number) > 1 and number[0] == "0"}
    return tuple(sorted(every, key=lambda one: (len(one) if len(one) in widths else 0, int(one))))


def _pattern(texts: tuple[str, ...], numbers: tuple[tuple[str, ...], ...]) -> str:
    return texts[0] + "".join(
        ranges.compact(found) + text for found, text in zip(numbers, texts[1:], strict=True)
    )
