"""A YAML text as plain values that remember their lines. Knows nothing of clusters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from yaml import MappingNode, MarkedYAMLError, Node, ScalarNode, SequenceNode

from tasks.inventory import scalars, syntax
from tasks.inventory.nodes import INVISIBLE, MAX_DEPTH, TOO_DEEP, Loader
from tasks.inventory.problems import SECRET_KEYS, Where
from tasks.inventory.scalars import TAG
from tasks.text.wording import shown

MAX_VALUES = 300_000  # counted with aliases followed: nested aliases can stand for billions of values
_SURROGATES = re.compile("[\ud800-\udfff]")


class Map(dict[str, Any]):
    """A mapping; `lines` holds the line of each key, `texts` each scalar as it was typed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}
        self.texts: dict[str, str] = {}


class Seq(list[Any]):
    """A list; `lines` and `texts` are as in `Map`, by index."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[int, int] = {}
        self.texts: dict[int, str] = {}


@dataclass
class Flaw:
    """One mistake; `line` counts from 1, `where` is the path of keys and indexes to the value."""

    line: int
    where: Where
    message: str


@dataclass
class Document:
    """`value` is made of `Map`, `Seq` and scalars; `flaws` are the mistakes in the YAML itself."""

    value: Any = None
    flaws: list[Flaw] = field(default_factory=list)

    def line(self, where: Where) -> int:
        """The line of a value, or of the closest enclosing value that is written in the file."""
        line, current = 1, self.value
        for key in where:
            if not isinstance(current, (Map, Seq)) or key not in current.lines:
                break
            line, current = current.lines[key], current[key]
        return line

    def has(self, where: Where) -> bool:
        """Whether a value with this path is written in the file."""
        current = self.value
        for key in where:
            if not isinstance(current, (Map, Seq)) or key not in current.lines:
                return False
            current = current[key]
        return True

    def typed(self, where: Where) -> str | None:
        """A scalar as it was typed, such as ``3.10`` for the number 3.1; None if it is not a scalar."""
        parent = self.value
        for key in where[:-1]:
            parent = parent[key] if isinstance(parent, (Map, Seq)) and key in parent.lines else None
        return parent.texts.get(where[-1]) if where and isinstance(parent, (Map, Seq)) else None


def parse(text: str) -> Document:
    """The values of a YAML text. Never raises: what cannot be read is in `flaws`."""
    if hidden := INVISIBLE.search(text):
        line = len(re.findall(r"\r\n?|\n", text[: hidden.start()])) + 1
        code = f"U+{ord(hidden[0]):04X}"
        return Document(flaws=[Flaw(line, (), f"an invisible character ({code}) is in the file; delete it")])
    loader = Loader(text)
    try:
        node = loader.get_single_node()
    except MarkedYAMLError as error:
        line, message = syntax.explain(error, text)
        return Document(flaws=[Flaw(line, tuple(loader.path), message)])
    except Exception:  # PyYAML fails with ValueError at "\U00110000", for example
        return Document(flaws=[Flaw(loader.line + 1, tuple(loader.path), syntax.UNKNOWN)])
    if node is None:
        return Document()
    reader = _Reader()
    value = reader.read(node, ())
    return Document(value, reader.flaws)


class _Reader:
    """Nodes to values. A node is converted once, however many aliases lead to it."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self._done: dict[int, tuple[Any, int, int]] = {}  # id of a node -> value, count, height
        self._open: set[int] = set()
        self._copied = 0  # keys that were copied by merging

    def read(self, node: Node, where: Where) -> Any:
        value, count, height = self._visit(node, where)
        if count + self._copied > MAX_VALUES:
            self._flaw(
                node, (), f"more than {MAX_VALUES} values, counting what aliases repeat; use fewer aliases"
            )
            return None
        if height > MAX_DEPTH:
            self._flaw(node, (), TOO_DEEP)
            return None
        return value

    def _visit(self, node: Node, where: Where) -> tuple[Any, int, int]:
        """The value, the number of values in it, and the number of levels; both with aliases followed."""
        known = self._done.get(id(node))
        if known:
            return known
        if id(node) in self._open:
            self._flaw(node, where, "this alias is inside the value that it stands for; write the value out")
            return None, 1, 1
        if len(where) > MAX_DEPTH:
            return None, 1, MAX_DEPTH + 1
        self._open.add(id(node))
        if isinstance(node, MappingNode):
            result = self._mapping(node, where)
        elif isinstance(node, SequenceNode):
            result = self._sequence(node, where)
        else:
            result = self._scalar(node, where), 1, 1
        self._open.discard(id(node))
        self._done[id(node)] = result
        return result

    def _mapping(self, node: MappingNode, where: Where) -> tuple[Map, int, int]:
        self._check_tag(node, where, "map")
        own, merged, count, height = Map(), [], 1, 1
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._flaw(key_node, where, "a key must be text, not a list or a mapping; quote it")
                continue
            key = self._text(key_node, where)
            value, inside, above = self._visit(value_node, (*where, key))
            count, height = count + inside, max(height, above + 1)
            if key_node.tag == TAG + "merge":
                merged += self._mergeable(value_node, value, where)
            elif key in own:
                secret = SECRET_KEYS.intersection(map(str, where))
                first = "" if secret else f" {shown(key)}"
                self._flaw(
                    key_node,
                    where,
                    f"the key{first} is here twice, first in line {own.lines[key]}; leave one out",
                )
            else:
                own[key], own.lines[key] = value, key_node.start_mark.line + 1
                if isinstance(value_node, ScalarNode):
                    own.texts[key] = str(value_node.value)
        for source in merged:
            self._copied += len(source)
            if self._copied > MAX_VALUES:
                break  # `read` reports it
            for key in source.keys() - own.keys():
                own[key], own.lines[key] = source[key], source.lines[key]
                if key in source.texts:
                    own.texts[key] = source.texts[key]
        return own, count, height

    def _mergeable(self, node: Node, value: Any, where: Where) -> list[Map]:
        sources = value if isinstance(value, Seq) else [value]
        if all(isinstance(source, Map) for source in sources):
            return list(sources)
        self._flaw(
            node,
            (*where, "<<"),
            "only a mapping, or a list of mappings, can be merged; use an alias such as *name",
        )
        return []

    def _sequence(self, node: SequenceNode, where: Where) -> tuple[Seq, int, int]:
        self._check_tag(node, where, "seq")
        items, count, height = Seq(), 1, 1
        for index, item in enumerate(node.value):
            value, inside, above = self._visit(item, (*where, index))
            count, height = count + inside, max(height, above + 1)
            items.append(value)
            items.lines[index] = item.start_mark.line + 1
            if isinstance(item, ScalarNode):
                items.texts[index] = str(item.value)
        return items, count, height

    def _scalar(self, node: ScalarNode, where: Where) -> Any:
        text = self._text(node, where)
        kind = self._check_tag(node, where, "str", *scalars.FORMS)
        if kind is None:
            return text
        try:
            return scalars.value(kind, text)
        except ValueError:
            self._flaw(node, where, f"the text after !!{kind} is not of that type; leave the tag out")
            return text

    def _text(self, node: ScalarNode, where: Where) -> str:
        text = str(node.value)
        if not _SURROGATES.search(text):
            return text
        # JSON writes a character beyond U+FFFF as two escapes, which YAML reads as two characters
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        if _SURROGATES.search(text):
            self._flaw(
                node, where, "half of a character (\\ud800 to \\udfff) is in it; write the character itself"
            )
        return _SURROGATES.sub("\ufffd", text)

    def _check_tag(self, node: Node, where: Where, *known: str) -> str | None:
        kind = str(node.tag or "").removeprefix(TAG)
        if kind in known:
            return kind
        self._flaw(
            node, where, "tags (a word after '!') have no meaning here; quote the text, or leave the tag out"
        )
        return None

    def _flaw(self, node: Node, where: Where, message: str) -> None:
        self.flaws.append(Flaw(node.start_mark.line + 1, where, message))
