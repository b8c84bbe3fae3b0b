"""A stand-in for Windows PowerShell 5.1: it runs the part of the language that this project's scripts use.

The text is parsed by tree-sitter's grammar of PowerShell; what is not known here raises Unsupported.
"""

from __future__ import annotations

from typing import Any

from . import values as v
from .expressions import Expressions
from .syntax import Node, descend, only, parse
from .values import VOID, PSError, ScriptExit, Unsupported


class Return(BaseException):
    def __init__(self, out: list) -> None:
        self.out = out


class Loop(BaseException):
    def __init__(self, how: str) -> None:
        self.how = how


def arguments(elements: list[Node]) -> list[Node]:
    """What a command gets, one by one, out of its nodes after the name."""
    return [c for e in elements for c in e.named_children if c.type != "command_argument_sep"]


class Shell(Expressions):
    """One powershell.exe. `types`: what stands for .NET, by name in lower case; `env`: the environment."""

    def __init__(self, types: dict[str, Any], env: dict[str, str]) -> None:
        self.types, self.env = types, {name.lower(): value for name, value in env.items()}
        self.functions: dict[str, Node] = {}
        self.scopes: list[dict[str, Any]] = [{"true": True, "false": False, "null": None}]
        self.assemblies: set[str] = set()

    def run(self, source: str) -> int:
        """Runs a text to its end; the exit code."""
        try:
            self.block(parse(source))
        except ScriptExit as end:
            return end.code
        return 0

    # Statements

    def block(self, node: Node) -> list:
        """All statements below a block of any kind; what they put out."""
        out: list = []
        for child in node.named_children:
            if child.type in ("statement_list", "script_block_body", "script_block"):
                out += self.block(child)
            elif child.type not in (
                "comment",
                "empty_statement",
                "function_name",
                "function_parameter_declaration",
            ):
                out += self.statement(child)
        return out

    def statement(self, node: Node) -> list:
        known = getattr(self, "do_" + node.type, None)
        if known is None:
            raise Unsupported(f"statement {node.type}: {node.text.decode()[:80]}")
        return known(node)

    def do_function_statement(self, node: Node) -> list:
        self.functions[node.named_children[0].text.decode().lower()] = node
        return []

    def do_pipeline(self, node: Node) -> list:
        inner = only(node)
        if inner.type == "assignment_expression":
            self.assign(inner)
            return []
        return self.output(inner)

    def output(self, node: Node) -> list:
        """What a pipeline's expression or command puts out, one by one."""
        node = descend(node)
        if node.type == "command":
            return self.command(node)
        value = self.value(node)
        return [] if value is VOID else list(value) if isinstance(value, list) else [value]

    def do_if_statement(self, node: Node) -> list:
        condition, then, *others = [c for c in node.named_children if c.type != "comment"]
        if v.truth(self.piped(condition)):
            return self.block(then)
        clauses = [c for o in others for c in (o.named_children if o.type == "elseif_clauses" else [o])]
        clauses = [c for c in clauses if c.type != "comment"]
        for clause in clauses:
            if clause.type == "else_clause":
                return self.block(clause.named_children[0])
            if clause.type != "elseif_clause":
                raise Unsupported(clause.type)
            condition, then = [c for c in clause.named_children if c.type != "comment"]
            if v.truth(self.piped(condition)):
                return self.block(then)
        return []

    def do_foreach_statement(self, node: Node) -> list:
        variable, items, body = [c for c in node.named_children if c.type != "comment"]
        value = self.piped(items)
        each = value if isinstance(value, list) else [] if value is None else [value]
        out: list = []
        for item in each:
            self.set(variable.text.decode(), item)
            if self.looped(body, out):
                break
        return out

    def do_while_statement(self, node: Node) -> list:
        condition, body = [c for c in node.named_children if c.type != "comment"]
        out: list = []
        while v.truth(self.piped(condition.named_children[0])):
            if self.looped(body, out):
                break
        return out

    def looped(self, body: Node, out: list) -> bool:
        try:
            out += self.block(body)
        except Loop as loop:
            return loop.how == "break"
        return False

    def do_flow_control_statement(self, node: Node) -> list:
        how = node.children[0].text.decode().lower()
        given = self.output(only(node.named_children[0])) if node.named_children else []
        if how == "return":
            raise Return(given)
        if how == "exit":
            raise ScriptExit(int(v.number(given[0])) if given else 0)
        if how == "throw":
            raise PSError(v.text(given[0]))
        raise Loop(how)

    def do_try_statement(self, node: Node) -> list:
        parts = {child.type: child for child in node.named_children if child.type != "comment"}
        try:
            return self.block(parts["statement_block"])
        except PSError as error:
            if "catch_clauses" not in parts:
                raise
            self.scopes[-1]["_"] = error
            return self.block(parts["catch_clauses"].named_children[0].named_children[-1])
        finally:
            if "finally_clause" in parts:
                self.block(parts["finally_clause"].named_children[-1])

    # Commands

    def command(self, node: Node) -> list:
        head, *rest = node.named_children
        if head.type == "command_invokation_operator":
            called, *rest = rest
            given = self.value(descend(called.named_children[0]))
            if head.text == b".":
                return self.block(parse(given))
            return self.call_by_name(given, [self.value(i) for i in arguments(rest)])
        name = head.text.decode()
        items = arguments(rest)
        if name == "Add-Type" and [i.type for i in items] == [
            "command_parameter",
            "array_literal_expression",
        ]:
            self.assemblies.add(self.value(items[1]))
            return []
        if name == "New-Item":
            return self.new_item(items)
        if any(i.type != "array_literal_expression" for i in items) or name.lower() not in self.functions:
            raise Unsupported(f"command {node.text.decode()[:80]}")
        return self.call(self.functions[name.lower()], [self.value(i) for i in items])

    def call_by_name(self, name: Any, given: list) -> list:
        """`& 'name' ...`: a function, whether its name is in upper or lower case."""
        if not isinstance(name, str) or not name.isidentifier():
            # an alias, a program, a script or a block of script
            raise Unsupported(f"& {name!r}")
        if name.lower() not in self.functions:
            raise PSError(
                f"The term '{name}' is not recognized as the name of a cmdlet, "
                "function, script file, or operable program."
            )
        return self.call(self.functions[name.lower()], given)

    def new_item(self, items: list[Node]) -> list:
        """`New-Item -ItemType Junction -Path there -Target here`, and nothing else."""
        names = [i.text.decode() for i in items if i.type == "command_parameter"]
        given = [i for i in items if i.type != "command_parameter"]
        if names != ["-ItemType", "-Path", "-Target"] or given[0].text != b"Junction":
            raise Unsupported(f"New-Item {' '.join(names)}")
        return [self.types["junction"](*(self.value(i) for i in given[1:]))]

    def call(self, function: Node, given: list) -> list:
        names = []
        for child in function.named_children:
            if child.type == "function_parameter_declaration":
                names = [p.text.decode()[1:].lower() for p in child.named_children[0].named_children]
        if len(given) > len(names):
            raise Unsupported(f"{len(given)} arguments for {function.named_children[0].text.decode()}")
        self.scopes.append({**dict.fromkeys(names), **dict(zip(names, given, strict=False))})
        try:
            return self.block(function)
        except Return as end:
            return end.out
        finally:
            self.scopes.pop()
