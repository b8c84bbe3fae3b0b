"""Changes in the text of a hosts file: its ``workers:`` list, keys of its sections. Everything else stays as it is.

The caller parses the result and compares it with what it wanted. A layout that is not known here is `ByHand`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from tasks.inventory import emit
from tasks.inventory.nodes import compose

_KEY = "workers"


class ByHand(Exception):
    """The file is written in a way that cannot be edited here."""


@dataclass
class _List:
    """The list in block style; ``items`` has the first line of each item and the line after its last."""

    lines: list[str]
    dash: int  # column of the dashes
    items: list[tuple[int, int]]


def append(text: str, block: list[str], inline: str) -> str:
    """The text with one more worker.

    :param block: the worker as lines without indentation.
    :param inline: the same as one value for a list in brackets.
    """
    found = _workers(text)
    if found is None:
        return _append_key(text, block)
    key, value = found
    if isinstance(value, SequenceNode) and value.value and value.flow_style:
        end = value.value[-1].end_mark.index
        return f"{text[:end]}, {inline}{text[end:]}"
    if isinstance(value, SequenceNode) and value.value:
        listed = _block(text, key)
        at, indent = listed.items[-1][1], " " * listed.dash
    elif isinstance(value, (ScalarNode, SequenceNode)):
        colon = _after_colon(text, key)
        # an empty list or null is removed; the comment after it stays
        text = text[:colon] + text[value.end_mark.index if value.value or _is_list(value) else colon :]
        listed = _List(text.split("\n"), 0, [])
        at, indent = key.start_mark.line + 1, "  "
    else:
        raise ByHand
    ending = "\r" if listed.lines[at - 1].endswith("\r") else ""
    listed.lines[at:at] = [f"{indent}{line}{ending}" for line in block]
    if at == len(listed.lines) - len(block) and ending == "" and "\r\n" in text:
        # the file did not end with a line break: each line but the new last one needs one
        listed.lines[at - 1 : -1] = [f"{line}\r" for line in listed.lines[at - 1 : -1]]
    return "\n".join(listed.lines)


def delete(text: str, index: int) -> str:
    """The text without the worker of this index."""
    key, value = _list(text)
    nodes = value.value
    if value.flow_style:
        if len(nodes) == 1:  # a comma after it is removed too
            start, end = value.start_mark.index + 1, value.end_mark.index - 1
        elif index == 0:
            start, end = nodes[0].start_mark.index, nodes[1].start_mark.index
        else:
            start, end = nodes[index - 1].end_mark.index, nodes[index].end_mark.index
        return text[:start] + text[end:]
    listed = _block(text, key, len(nodes))
    first, after = listed.items[index]
    at_end = after == len(listed.lines)
    del listed.lines[first:after]
    if at_end and listed.lines:
        listed.lines[-1] = listed.lines[-1].removesuffix("\r")
    if len(nodes) == 1:
        line = key.end_mark.line
        colon = key.end_mark.column + _after_colon(text, key) - key.end_mark.index
        listed.lines[line] = f"{listed.lines[line][:colon]} []{listed.lines[line][colon:]}"
    return "\n".join(listed.lines)


def rewrite(text: str, index: int, patterns: dict[str, list[str]]) -> str:
    """The text with the worker of this index repeated, once for each pattern that replaces its ranges.

    :param patterns: key of the worker -> its new values; all keys have the same number of them.
    """
    key, value = _list(text)
    node = value.value[index]
    counts = {len(left) for left in patterns.values()}
    if len(counts) != 1:
        raise ByHand
    if value.flow_style:
        start, end, between = node.start_mark.index, node.end_mark.index, ", "
    else:
        listed = _block(text, key, len(value.value))
        first, after = listed.items[index]
        start = sum(len(line) + 1 for line in listed.lines[:first])
        end = start + len("\n".join(listed.lines[first:after]))
        between = "\n"
    scalars = _scalars(node)
    copies = []
    for number in range(counts.pop()):
        copy, last = "", start
        for name in sorted(patterns, key=lambda name: scalars[name].start_mark.index):
            scalar = scalars[name]
            if not start <= scalar.start_mark.index < scalar.end_mark.index <= end:
                raise ByHand  # an alias: the value is written elsewhere
            flow = value.flow_style or (isinstance(node, MappingNode) and node.flow_style)
            copy += text[last : scalar.start_mark.index] + quoted_as(scalar, patterns[name][number], flow)
            last = scalar.end_mark.index
        copies.append(copy + text[last:end])
    return text[:start] + between.join(copies) + text[end:]


def set_value(text: str, section: str, name: str, value: str | None) -> str:
    """The text with this key of a section at the top; a missing key or section is added, None is written as null."""
    if re.search(r"\r(?!\n)", text):
        raise ByHand
    root = compose(text)
    if not isinstance(root, MappingNode) or root.flow_style:
        raise ByHand
    ending = "\r\n" if "\r\n" in text else "\n"
    found = next(((key, node) for key, node in root.value if key.value == section), None)
    new = "null" if value is None else emit.scalar(value)
    if found is None:
        gap = "" if not text or text.endswith("\n") else ending
        return f"{text}{gap}{section}:{ending}  {name}: {new}{ending}"
    key, node = found
    if isinstance(node, ScalarNode) and node.value in ("", "null", "~"):
        colon = _after_colon(text, key)
        rest = text[node.end_mark.index if node.value else colon :]
        line, newline, after = rest.partition("\n")
        return f"{text[:colon]}{line.rstrip()}{ending}  {name}: {new}{ending if newline else ''}{after}"
    if not isinstance(node, MappingNode):
        raise ByHand
    there = next(((one, old) for one, old in node.value if one.value == name), None)
    start, end = node.start_mark.index, node.end_mark.index
    if there is None and node.flow_style:
        between = ", " if node.value else ""
        flow = "null" if value is None else emit.scalar(value, True)
        return f"{text[: start + 1]}{name}: {flow}{between}{text[start + 1 :]}"
    if there is None:
        first = node.value[0][0].start_mark
        at = first.index - first.column
        return f"{text[:at]}{' ' * first.column}{name}: {new}{ending}{text[at:]}"
    one, old = there
    if not isinstance(old, ScalarNode) or not start <= old.start_mark.index <= old.end_mark.index <= end:
        raise ByHand
    if old.start_mark.index == old.end_mark.index:
        colon = _after_colon(text, one)
        return f"{text[:colon]} {new}{text[colon:]}"
    written = quoted_as(old, value, node.flow_style) if value is not None else new
    return text[: old.start_mark.index] + written + text[old.end_mark.index :]


def quoted_as(old: ScalarNode, new: str, flow: bool) -> str:
    return f"{old.style}{new}{old.style}" if old.style in ("'", '"') else emit.scalar(new, flow)


def _scalars(node: Node) -> dict[str, ScalarNode]:
    if isinstance(node, ScalarNode):
        return {"host": node}
    return {key.value: value for key, value in node.value if isinstance(value, ScalarNode)}


def _append_key(text: str, block: list[str]) -> str:
    ending = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else ending
    return text + gap + ending.join([f"{_KEY}:", *(f"  {line}" for line in block), ""])


def _after_colon(text: str, key: ScalarNode) -> int:
    found = re.compile(r"[ \t]*:").match(text, key.end_mark.index)
    if not found:
        raise ByHand  # the colon is on another line, or left out
    return found.end()


def _workers(text: str) -> tuple[ScalarNode, Node] | None:
    root = compose(text)
    # to YAML a carriage return alone ends a line too, which the code below does not know
    if not isinstance(root, MappingNode) or re.search(r"\r(?!\n)", text):
        raise ByHand
    return next(((key, value) for key, value in root.value if key.value == _KEY), None)


def _list(text: str) -> tuple[ScalarNode, SequenceNode]:
    found = _workers(text)
    if found is None or not isinstance(found[1], SequenceNode):
        raise ByHand
    return found[0], found[1]


def _block(text: str, key: ScalarNode, count: int | None = None) -> _List:
    """The lines of the list, found without the marks of its items: an alias has those of its anchor."""
    lines = text.split("\n")
    start = key.start_mark.line + 1
    while start < len(lines) and _is_empty(lines[start]):
        start += 1
    dash = len(lines[start]) - len(lines[start].lstrip(" ")) if start < len(lines) else 0
    heads: list[int] = []
    stop = start
    while stop < len(lines):
        line = lines[stop]
        if re.match(rf" {{{dash}}}-(\s|$)", line):
            heads.append(stop)
        elif not _is_empty(line) and not line.startswith(" " * (dash + 1)):
            break
        stop += 1
    if not heads or (count is not None and count != len(heads)):
        raise ByHand
    ends = [*heads[1:], stop]
    items = []
    for head, end in zip(heads, ends, strict=True):
        while end > head + 1 and _is_empty(lines[end - 1]):
            end -= 1
        items.append((head, end))
    return _List(lines, dash, items)


def _is_list(node: Node) -> bool:
    return isinstance(node, SequenceNode)


def _is_empty(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")
