"""A YAML file as plain values that remember their lines. Knows nothing of clusters."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from tasks.inventory import syntax
from tasks.inventory.problems import SECRET_KEYS, Where, shown

MAX_DEPTH = 40
MAX_VALUES = 300_000  # with aliases followed: a bomb of them grows without bound
_HALVES = re.compile("[\ud800-\udfff]")
_TAG = "tag:yaml.org,2002:"


class Map(dict[str, Any]):
    """A mapping; `lines` and `texts` hold each key's line and each scalar's text as typed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}
        self.texts: dict[str, str] = {}


class Seq(list[Any]):
    """A list; `lines` and `texts` as in Map, by index."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[int, int] = {}
        self.texts: dict[int, str] = {}


@dataclass
class Flaw:
    """Something wrong with the YAML itself."""

    line: int
    where: Where
    message: str


@dataclass
class Document:
    value: Any = None
    flaws: list[Flaw] = field(default_factory=list)

    def line(self, where: Where) -> int:
        """The line of a value, or of the nearest one around it that is written in the file."""
        line, current = 1, self.value
        for key in where:
            if not isinstance(current, (Map, Seq)) or key not in current.lines:
                break
            line, current = current.lines[key], current[key]
        return line

    def has(self, where: Where) -> bool:
        """Is this place written in the file?"""
        current = self.value
        for key in where:
            if not isinstance(current, (Map, Seq)) or key not in current.lines:
                return False
            current = current[key]
        return True

    def typed(self, where: Where) -> str | None:
        """A scalar as it was typed: `3.10` where the value is 3.1."""
        parent = self.value
        for key in where[:-1]:
            parent = parent[key] if isinstance(parent, (Map, Seq)) and key in parent.lines else None
        return parent.texts.get(where[-1]) if where and isinstance(parent, (Map, Seq)) else None


def compose(text: str) -> Node | None:
    """The tree of nodes of one YAML document; None if it is empty. Raises what ruamel.yaml raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an anchor that is used again is legal YAML 1.2
        return YAML(typ="safe", pure=True).compose(text)


def parse(text: str) -> Document:
    """Never raises: what cannot be read is in `flaws`."""
    try:
        node = compose(text)
    except MarkedYAMLError as error:
        return Document(flaws=[Flaw(*syntax.explain(error, text))])
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return Document(flaws=[Flaw(line, (), f"a control character (U+{code:04X}) is in the file")])
    except RecursionError:
        return Document(flaws=[Flaw(1, (), "nested too deeply")])
    except Exception:  # a parser's own bug must not become a traceback
        return Document(flaws=[Flaw(1, (), "this is not valid YAML")])
    if node is None:
        return Document()
    reader = _Reader()
    value = reader.read(node, ())
    return Document(value, reader.flaws)


class _Reader:
    """Nodes to values. A node that is reached again by an alias is read once, so bombs stay small."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self._done: dict[int, tuple[Any, int, int]] = {}  # node -> value, count of values in it, height
        self._open: set[int] = set()
        self._copied = 0  # keys, by merging

    def read(self, node: Node, where: Where) -> Any:
        value, count, height = self._visit(node, where)
        if count + self._copied > MAX_VALUES:
            self._flaw(node, (), f"more than {MAX_VALUES} values, those that aliases repeat included")
            return None
        if height > MAX_DEPTH:
            self._flaw(node, (), "nested too deeply")
            return None
        return value

    def _visit(self, node: Node, where: Where) -> tuple[Any, int, int]:
        known = self._done.get(id(node))
        if known:
            return known
        if id(node) in self._open:
            self._flaw(node, where, "an alias refers to the value that contains it")
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
                self._flaw(key_node, where, "a key must be a word, not a list or a mapping")
                continue
            key = self._text(key_node, where)
            value, inside, above = self._visit(value_node, (*where, key))
            count, height = count + inside, max(height, above + 1)
            if key_node.tag == _TAG + "merge":
                merged += self._mergeable(value_node, value, where)
            elif key in own:
                secret = SECRET_KEYS.intersection(map(str, where))
                first = "" if secret else f" {shown(key)}"
                self._flaw(key_node, where, f"the key{first} is here twice, first in line {own.lines[key]}")
            else:
                own[key], own.lines[key] = value, key_node.start_mark.line + 1
                if isinstance(value_node, ScalarNode):
                    own.texts[key] = str(value_node.value)
        for source in merged:
            self._copied += len(source)
            if self._copied > MAX_VALUES:
                break  # `read` says it
            for key in source.keys() - own.keys():
                own[key], own.lines[key] = source[key], source.lines[key]
                if key in source.texts:
                    own.texts[key] = source.texts[key]
        return own, count, height

    def _mergeable(self, node: Node, value: Any, where: Where) -> list[Map]:
        sources = value if isinstance(value, Seq) else [value]
        if all(isinstance(source, Map) for source in sources):
            return list(sources)
        self._flaw(node, (*where, "<<"), "only a mapping, or a list of them, can be merged")
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
        kind = self._check_tag(
            node, where, "str", "int", "float", "bool", "null", "timestamp", "merge", "value"
        )
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("true", "yes", "on", "y")
        try:
            if kind == "int":
                return int(text.replace("_", ""), 10 if re.fullmatch(r"[+-]?[0-9_]+", text) else 0)
            if kind == "float":
                return float(
                    re.sub(r"^([+-]?)\.(inf|nan)$", r"\1\2", text.replace("_", ""), flags=re.IGNORECASE)
                )
        except ValueError:
            pass  # thousands of digits, or a number of YAML 1.1 such as 12:30
        return text

    def _text(self, node: ScalarNode, where: Where) -> str:
        text = str(node.value)
        if not _HALVES.search(text):
            return text
        # JSON writes a character beyond U+FFFF as two escapes, which YAML leaves apart
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        if _HALVES.search(text):
            self._flaw(node, where, "half of a character (\\ud800 to \\udfff) is in it")
        return _HALVES.sub("\ufffd", text)

    def _check_tag(self, node: Node, where: Where, *known: str) -> str | None:
        kind = str(node.tag or "").removeprefix(_TAG)
        if kind in known:
            return kind
        self._flaw(
            node, where, "tags (a word after '!') have no meaning here; quote the text, or leave the tag out"
        )
        return None

    def _flaw(self, node: Node, where: Where, message: str) -> None:
        self.flaws.append(Flaw(node.start_mark.line + 1, where, message))
