"""Make a worker of a hosts file its head. What is written about other hosts stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from yaml import MappingNode, Node, ScalarNode

from tasks.inventory import address, document, emit, group_text, ranges, surgery
from tasks.inventory.cluster import Cluster, Host
from tasks.inventory.edit import BOM, EditError, by_hand, parsed, place_of, without
from tasks.inventory.loader import parse
from tasks.inventory.nodes import compose
from tasks.inventory.surgery import ByHand


def with_head(text: str, path: Path, name: str, *, keep_old: bool) -> tuple[str, Cluster]:
    """The text with the worker of this name as the head, and the cluster that it describes.

    :param keep_old: the old head becomes the last worker; otherwise it is left out.
    :raises EditError: the text is written in a way that cannot be edited here.
    :raises InventoryError: the text is wrong, or this host cannot be the head.
    """
    before = parse(text, path)
    new = next(one for one in before.workers if one.name == name)
    body = text.removeprefix(BOM)
    with by_hand(path, f"make {name} the head"):
        written = document.parse(body).value
        index = place_of(body, new, before)[0]
        if not keep_old:
            body = group_text.without(body, before.head, before)
        host, fields = _entry(written["workers"][index], new)
        after = _with_value(without(body, new, before), emit.host_inline(host, fields))
        if keep_old:
            host, fields = _entry(written["head"], before.head)
            after = surgery.append(after, emit.host_lines(host, fields), emit.host_inline(host, fields))
        after = text[: len(text) - len(text.removeprefix(BOM))] + after
        cluster = parsed(after, path)
        rest = [one for one in before.workers if one is not new]
        if _alike(cluster.hosts) != _alike([new, *rest, *([before.head] if keep_old else [])]):
            raise ByHand
    return after, cluster


def _alike(hosts: Any) -> list[dict[str, Any]]:
    # a prompt's text holds its place in the file
    return [host.model_dump(exclude={"line", "role", "password", "sudo_password"}) for host in hosts]


def _entry(written: str | Mapping[str, Any], host: Host) -> tuple[str, dict[str, Any]]:
    """One host as an entry of its own: its address, and its other keys."""
    fields = {} if isinstance(written, str) else dict(written)
    text = written if isinstance(written, str) else fields.pop("host")
    if not ranges.is_range(text):
        return text, fields
    place = address.parse(text)
    alone = {key: getattr(host, key) for key in ("name", "node_ip") if key in fields}
    login = {key: str(getattr(place, key)) for key in ("user", "port") if getattr(place, key) is not None}
    return host.host, {**fields, **alone, **login}


def _with_value(text: str, inline: str) -> str:
    """The text with another value of ``head:``, on one line."""
    root = compose(text)
    pairs = root.value if isinstance(root, MappingNode) else []
    found = next(((key, value) for key, value in pairs if key.value == "head"), None)
    if found is None:
        raise EditError("the hosts file has no head:")
    key, value = found
    colon = text.find(":", key.end_mark.index) + 1
    flow = isinstance(value, ScalarNode) or value.flow_style
    if flow:
        return f"{text[: value.start_mark.index]}{inline}{text[value.end_mark.index :]}"
    # what follows the colon on its line is a comment; the lines of the block go
    first = text.find("\n", colon)
    last = max(one.end_mark.index for one in _leaves(value))
    end = text.find("\n", last)
    if first < 0 or first > value.start_mark.index:
        raise ByHand
    return f"{text[:colon]} {inline}{text[colon:first]}{text[end:] if end >= 0 else ''}"


def _leaves(node: Node) -> Iterator[Node]:
    """The scalars and the lists and mappings in brackets: their ends are exact."""
    if isinstance(node, ScalarNode) or node.flow_style:
        yield node
        return
    for one in node.value:
        for child in one if isinstance(one, tuple) else (one,):
            yield from _leaves(child)
