"""PowerShell's text as a tree: the real grammar, and what is read off it."""

from __future__ import annotations

from functools import cache

import tree_sitter
import tree_sitter_powershell

from .values import PSError, Unsupported

GRAMMAR = tree_sitter.Language(tree_sitter_powershell.language())
Node = tree_sitter.Node


@cache
def parse(source: str) -> Node:
    """The tree of a text. Raises PSError where the grammar finds a mistake."""
    root = tree_sitter.Parser(GRAMMAR).parse(source.encode()).root_node
    if wrong := mistakes(root):
        raise PSError(f"ParserError: line {wrong[0].start_point[0] + 1}: {wrong[0].text.decode()[:80]}")
    return root


def mistakes(node: Node) -> list[Node]:
    found = [node] if node.type == "ERROR" or node.is_missing else []
    return found + [wrong for child in node.children if node.has_error for wrong in mistakes(child)]


def literal(quoted: str) -> str:
    """The value of a text in single quotes; PowerShell takes four more characters for one."""
    marks, inside, out, at = "'\u2018\u2019\u201a\u201b", quoted[1:-1], [], 0
    while at < len(inside):
        if inside[at] in marks:
            at += 1
            if at >= len(inside) or inside[at] not in marks:
                raise PSError(f"the text ends too early: {quoted}")
        out.append(inside[at])
        at += 1
    return "".join(out)


def only(node: Node) -> Node:
    inside = [child for child in node.named_children if child.type != "comment"]
    if len(inside) != 1:
        raise Unsupported(node.text.decode()[:80])
    return inside[0]


def descend(node: Node) -> Node:
    """Past the levels of precedence at which nothing is joined."""
    while node.child_count == 1 and (
        node.type.endswith("_expression")
        or node.type in ("pipeline", "pipeline_chain", "argument_expression", "command_name_expr")
    ):
        node = node.children[0]
    return node
