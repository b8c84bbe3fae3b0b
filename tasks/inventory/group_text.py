"""Takes a host out of the text of ``groups:`` when it leaves the hosts file. Everything else stays as it is."""

from __future__ import annotations

import re

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from tasks.inventory import ranges
from tasks.inventory.cluster import Cluster, Host
from tasks.inventory.fold import folded
from tasks.inventory.groups import look_for
from tasks.inventory.nodes import compose
from tasks.inventory.selection import Look
from tasks.inventory.surgery import ByHand, quoted_as

Edit = tuple[int, int, str]


def without(text: str, gone: Host, cluster: Cluster) -> str:
    """The text with groups that no longer name this host.

    :param cluster: with the host.
    :raises ByHand: the groups are written in a way that cannot be edited here.
    """
    root = compose(text)
    pairs = root.value if isinstance(root, MappingNode) else []
    groups = next((value for key, value in pairs if key.value == "groups"), None)
    look = look_for(cluster.hosts, cluster.groups)
    edits: list[Edit] = []
    for _, node in groups.value if isinstance(groups, MappingNode) else ():
        edits += _edits(text, node, look, gone)
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _edits(text: str, node: Node, look: Look, gone: Host) -> list[Edit]:
    """The changes of one group: start, end, and the text that comes there."""
    nodes = node.value if isinstance(node, SequenceNode) else [node]
    changes = {
        one: new
        for one in nodes
        if isinstance(one, ScalarNode) and (new := _left(one.value, look, gone)) != one.value
    }
    start, end = node.start_mark.index, node.end_mark.index
    for one in changes:
        if not start <= one.start_mark.index <= one.end_mark.index <= end:
            raise ByHand  # an alias: the value is written elsewhere
    if not changes or not isinstance(node, SequenceNode):
        return [(start, end, quoted_as(one, new, True) if new else "[]") for one, new in changes.items()]
    if not node.flow_style:
        return [_line(text, one, new) for one, new in changes.items()]
    if "#" in text[start:end]:
        raise ByHand
    kept = [
        quoted_as(one, changes[one], True)
        if one in changes
        else text[one.start_mark.index : one.end_mark.index]
        for one in nodes
        if changes.get(one, "-")
    ]
    return [(start, end, f"[{', '.join(kept)}]")]


def _line(text: str, one: ScalarNode, new: str) -> Edit:
    """The change of an item in a list with dashes: with nothing left, its whole line goes."""
    start, end = one.start_mark.index, one.end_mark.index
    if new:
        return start, end, quoted_as(one, new, False)
    first, after = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    if not re.fullmatch(r" *- +", text[first:start]) or "\n" in text[start:end]:
        raise ByHand
    return first, len(text) if after < 0 else after + 1, ""


def _left(written: str, look: Look, gone: Host) -> str:
    """Items, with commas, as they are without the host; the same text if none names it."""
    items = ranges.listed(written)
    new = [item for one in items if (item := _item_left(one, look, gone))]
    return written if new == items else ",".join(new)


def _item_left(item: str, look: Look, gone: Host) -> str:
    """One item without the host; '' if it names no other."""
    bare = item.lstrip("! ")
    before = item[: len(item) - len(bare)]
    if "&" in bare:
        parts = [part.strip() for part in bare.split("&")]
        new = [_item_left(part, look, gone) for part in parts]
        lost = any(not left and not part.startswith("!") for part, left in zip(parts, new, strict=True))
        return "" if lost or not any(new) else before + "&".join(filter(None, new))
    named = look.of(bare)
    if bare.startswith("@") or gone not in named:
        return item
    if named == {gone}:
        return ""
    if not ranges.is_range(bare):
        return item
    return before + folded(one for one in ranges.expand(bare) if look.of(one) != {gone})
