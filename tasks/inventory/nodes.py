"""YAML text to PyYAML's nodes, each with its place in the text.

PyYAML's parser in Python is used and not its parser in C: not every platform has the latter, and the two
differ in what they accept and in what they report. A hosts file must mean the same on every machine.
"""

from __future__ import annotations

import re

from yaml import Node, ScalarNode
from yaml.composer import Composer, ComposerError
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from tasks.inventory.scalars import FORMS, TAG

MAX_DEPTH = 40
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep; a hosts file needs no more than six"
# PyYAML refuses control characters, and ends a line at U+0085, U+2028 and U+2029, which YAML 1.2 does not
INVISIBLE = re.compile("[^\t\n\r -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """Composes one document. ``path`` holds the keys and indexes that lead to where the parser is.

    Where PyYAML is older than YAML 1.2, the methods below follow YAML 1.2.
    """

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self.path: list[str | int] = []
        self._depth = 0

    def compose_node(self, parent: Node | None, index: Node | int | None) -> Node:
        if self._depth > MAX_DEPTH:
            del self.path[1:]
            raise ComposerError(None, None, TOO_DEEP, self.peek_event().start_mark)
        step = index.value if isinstance(index, ScalarNode) else index
        if step is not None:  # None: the document itself, or a key of a mapping
            self.path.append(step)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if step is not None:
            self.path.pop()
        return node

    def scan_to_next_token(self) -> None:
        """Skip tabs between tokens, on empty lines and before comments, but not in an indentation."""
        super().scan_to_next_token()
        while self.peek() == "\t" and self._may_skip_tab():
            while self.peek() in (" ", "\t"):
                self.forward()
            super().scan_to_next_token()

    def _may_skip_tab(self) -> bool:
        if self.flow_level or not self.allow_simple_key:
            return True
        length = 1
        while self.peek(length) in (" ", "\t"):
            length += 1
        return self.peek(length) in "#\r\n\0"

    def check_value(self) -> bool:
        return not self._starts_with_two_colons() and super().check_value()

    def check_plain(self) -> bool:
        return self._starts_with_two_colons() or super().check_plain()

    def _starts_with_two_colons(self) -> bool:
        """An IPv6 address such as ``::1`` inside [ ] or { } is text."""
        return bool(self.flow_level) and self.prefix(2) == "::"


for _kind, (_pattern, _first) in FORMS.items():
    Loader.add_implicit_resolver(TAG + _kind, _pattern, list(_first))


def compose(text: str) -> Node | None:
    """The nodes of one YAML document; None if it is empty.

    :raises yaml.YAMLError: the text is not valid YAML, or holds characters that `INVISIBLE` matches.
    """
    return Loader(text).get_single_node()
