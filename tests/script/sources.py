"""What a fragment's source defines, calls and reads: taken from the real grammars of the shell and of PowerShell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter
import tree_sitter_bash

from tests.standins.windows.syntax import parse

BASH = tree_sitter.Language(tree_sitter_bash.language())
# the nodes of a constant text
CONSTANTS = ("word", "string_content", "raw_string", "extglob_pattern", "regex")


@dataclass(frozen=True)
class Source:
    """The names in one fragment. Those of PowerShell are in lower case, since it tells none apart by case.

    :param functions: defined here.
    :param calls: commands, and words handed to commands that may run them.
    :param lists: values that travel as lists, by name.
    :param sets: variables that get a value somewhere in it.
    :param reads: variables that are read.
    """

    functions: frozenset[str]
    calls: frozenset[str]
    lists: frozenset[str]
    sets: frozenset[str]
    reads: frozenset[str]


def walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.named_children:
        yield from walk(child)


def text(node: tree_sitter.Node) -> str:
    return node.text.decode()


@cache
def read_sh(source: str) -> Source:
    """A fragment for a POSIX shell."""
    root = tree_sitter.Parser(BASH).parse(source.encode()).root_node
    functions, calls, sets, reads = set(), set(), set(), set()
    for node in walk(root):
        if node.type == "function_definition":
            functions.add(text(node.child_by_field_name("name")))
        elif node.type == "command":
            words = [text(child) for child in node.named_children if child.type in ("command_name", "word")]
            # an argument may be a function that the command runs; all such have a name of several words
            calls.update(words[:1], (word for word in words[1:] if "_" in word))
            if words[:1] == ["read"]:
                sets.update(words[1:])
        elif node.type in ("variable_assignment", "for_statement"):
            name = node.child_by_field_name("name") or node.child_by_field_name("variable")
            sets.add(text(name))
        elif node.type in ("simple_expansion", "expansion"):
            reads.update(text(child) for child in node.named_children if child.type == "variable_name")
        elif node.type == "arithmetic_expansion":
            reads.update(re.findall(r"[A-Za-z_]\w*", re.sub(r"\$\(.*?\)", "", text(node)[3:-2])))
    lists = {name.removeprefix("with_").upper() for name in calls if name.startswith("with_")}
    return Source(*map(frozenset, (functions, calls, lists, sets, reads)))


def fed_sh(source: str) -> set[str]:
    """The commands that are given a standard input: by a pipe, a file, or a text."""
    found = set()
    for node in walk(tree_sitter.Parser(BASH).parse(source.encode()).root_node):
        fed = []
        if node.type == "pipeline":
            fed = [child for child in node.named_children if child.type != "comment"][1:]
        elif node.type == "redirected_statement" and any(
            child.type.startswith("here") or (child.type == "file_redirect" and "<" in text(child)[:3])
            for child in node.named_children
        ):
            fed = [node.named_children[0]]
        for one in fed:
            one = one.named_children[0] if one.type == "redirected_statement" else one
            if one.type == "command":
                found.update(
                    text(child) for child in one.named_children if child.type in ("command_name", "word")
                )
    return found


def compared_sh(source: str) -> set[str]:
    """The constant texts that a fragment for a POSIX shell compares something with: in ``[``, ``test`` and ``case``."""
    found = set()
    for node in walk(tree_sitter.Parser(BASH).parse(source.encode()).root_node):
        if node.type == "case_item":
            found.update(text(pattern) for pattern in node.children_by_field_name("value"))
        elif node.type == "test_command" or (
            node.type == "command" and text(node.named_children[0]) in ("test", "[")
        ):
            found.update(text(one) for one in walk(node) if one.type in CONSTANTS and not one.named_children)
    return found


def compared_ps1(source: str) -> set[str]:
    """The constant texts that a fragment for PowerShell compares something with, patterns included."""
    found = set()
    for node in walk(parse(source + "\n$null = 0\n")):
        if node.type in ("comparison_expression", "comparison_argument_expression") and node.child_count > 1:
            found.update(text(one) for one in walk(node) if one.type == "string_literal")
        elif node.type == "switch_clause_condition":
            found.add(text(node))
    return found


@cache
def read_ps1(source: str) -> Source:
    """A fragment for PowerShell."""
    functions, calls, sets, reads = set(), set(), set(), set()
    # the grammar takes no text of comments alone
    for node in walk(parse(source + "\n$null = 0\n")):
        if node.type == "function_statement":
            functions.add(text(next(c for c in node.named_children if c.type == "function_name")).lower())
        elif node.type == "command_name":
            calls.add(text(node).lower())
        elif node.type == "variable":
            name = text(node).lower().lstrip("$").removeprefix("script:").strip("{}")
            reads.add(name)
    for name in re.findall(r"(?m)(?:^|[{(;]|\[long\])\s*\$(?:script:)?(\w+)\s*=(?!=)", source):
        sets.add(name.lower())
    sets |= {name.lower() for name in re.findall(r"foreach \(\$(\w+)", source)}
    sets |= {
        name.strip().lstrip("$").lower()
        for inside in re.findall(r"function \w+\(([^)]*)\)", source)
        for name in inside.split(",")
    }
    return Source(*map(frozenset, (functions, calls, set(), sets, reads)))
