"""A stand-in for Windows PowerShell 5.1: it runs the part of the language that this project's scripts use.

The text is parsed by tree-sitter's grammar of PowerShell; what is not known here raises Unsupported.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import tree_sitter
import tree_sitter_powershell

from . import values as v
from .values import VOID, PSError, ScriptExit, Table, Unsupported

GRAMMAR = tree_sitter.Language(tree_sitter_powershell.language())
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
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


class Return(BaseException):
    def __init__(self, out: list) -> None:
        self.out = out


class Loop(BaseException):
    def __init__(self, how: str) -> None:
        self.how = how


class Shell:
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
            elif child.type not in ("comment", "function_name", "function_parameter_declaration"):
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
        for other in others:
            if other.type != "else_clause":
                raise Unsupported(other.type)
            return self.block(other.named_children[0])
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
            if head.text != b".":
                raise Unsupported(node.text.decode()[:80])
            return self.block(parse(self.value(descend(rest[0].named_children[0]))))
        name = head.text.decode()
        items = [c for e in rest for c in e.named_children if c.type != "command_argument_sep"]
        if name == "Add-Type" and [i.type for i in items] == ["command_parameter", "array_literal_expression"]:
            self.assemblies.add(self.value(items[1]))
            return []
        if any(i.type != "array_literal_expression" for i in items) or name.lower() not in self.functions:
            raise Unsupported(f"command {node.text.decode()[:80]}")
        return self.call(self.functions[name.lower()], [self.value(i) for i in items])

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

    # Values

    def piped(self, node: Node) -> Any:
        """The value of a pipeline: what an expression is, or what a command put out."""
        if node.type == "foreach_statement":
            return unrolled(self.do_foreach_statement(node))
        inner = descend(node)
        if inner.type == "command":
            return unrolled(self.command(inner))
        if inner.type == "assignment_expression":
            return self.assign(inner)
        value = self.value(inner)
        return None if value is VOID else value

    def assign(self, node: Node) -> Any:
        target, operator, source = node.named_children
        if operator.text != b"=":
            raise Unsupported(node.text.decode()[:80])
        value = self.piped(source)
        place = descend(target)
        if place.type == "variable":
            self.set(place.text.decode(), value)
        elif place.type == "element_access":
            of, index = place.named_children
            self.value(descend(of))[self.value(descend(index))] = value
        elif place.type == "member_access":
            of, member = place.named_children
            owner, name = self.value(descend(of)), member.text.decode()
            if isinstance(owner, Table):
                owner[name] = value
            elif hasattr(owner, name):
                setattr(owner, name, value)
            else:
                raise Unsupported(f"setting {name} of a {type(owner).__name__}")
        else:
            raise Unsupported(place.type)
        return value

    def set(self, variable: str, value: Any) -> None:
        name = variable[1:].lower()
        if name.startswith("script:"):
            self.scopes[0][name[7:]] = value
        elif ":" in name or name in ("true", "false", "home", "host", "input", "error", "args", "pid"):
            raise Unsupported(f"setting {variable}")
        else:
            (self.scopes[-1] if name != "null" else {})[name] = value

    def value(self, node: Node) -> Any:
        node = descend(node)
        known = getattr(self, "of_" + node.type, None)
        if known is None:
            raise Unsupported(f"{node.type}: {node.text.decode()[:80]}")
        return known(node)

    def of_variable(self, node: Node) -> Any:
        name = node.text.decode()[1:].lower()
        if name.startswith("env:"):
            return self.env.get(name[4:])
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def of_string_literal(self, node: Node) -> str:
        inner, words = node.children[0], node.text.decode()
        if inner.type == "verbatim_string_characters":
            return literal(words)
        if inner.type != "expandable_string_literal" or "$" in words:
            raise Unsupported(words[:80])
        out, rest = "", iter(words[1:-1])
        for char in rest:
            if char == "`":
                char = next(rest)
                char = ESCAPES.get(char, char)
            out += char
        return out

    def of_integer_literal(self, node: Node) -> int:
        return int(node.text)

    def of_parenthesized_expression(self, node: Node) -> Any:
        return self.piped(node.named_children[0])

    def of_array_expression(self, node: Node) -> list:
        return self.block(node)

    def of_array_literal_expression(self, node: Node) -> list:
        return [self.value(child) for child in node.named_children]

    def of_hash_literal_expression(self, node: Node) -> Table:
        table = Table()
        for body in node.named_children:
            for entry in body.named_children:
                table[entry.named_children[0].text.decode()] = self.piped(entry.named_children[1])
        return table

    def of_logical_expression(self, node: Node) -> bool:
        left, right = node.named_children
        first = v.truth(self.value(left))
        if node.children[1].text.lower() == b"-and":
            return first and v.truth(self.value(right))
        return first or v.truth(self.value(right))

    of_logical_argument_expression = of_logical_expression

    def of_expression_with_unary_operator(self, node: Node) -> Any:
        if node.child_count == 1:
            return self.value(node.children[0])
        sign, operand = node.children[0].text, self.value(node.children[1])
        if sign == b"-":
            return -operand
        if sign != b"-not":
            raise Unsupported(node.text.decode()[:80])
        return not v.truth(operand)

    def of_cast_expression(self, node: Node) -> Any:
        kind, operand = node.named_children[0].text.decode().lower(), self.value(node.named_children[1])
        if kind == "[string]":
            return operand.ToString() if hasattr(operand, "ToString") else v.text(operand)
        if kind in ("[int]", "[long]"):
            return round(v.number(operand))
        raise Unsupported(node.text.decode()[:80])

    def of_comparison_expression(self, node: Node) -> Any:
        left, operator, right = node.named_children
        return self.compare(operator.text.decode().lower(), self.value(left), self.value(right))

    of_comparison_argument_expression = of_comparison_expression

    def compare(self, operator: str, left: Any, right: Any) -> Any:
        if operator in ("-match", "-notmatch"):
            if isinstance(left, list):
                raise Unsupported("-match that filters a list")
            found = v.regex(right).search(v.text(left))
            if found:
                self.scopes[-1]["matches"] = [found.group(0), *found.groups()]
            return bool(found) == (operator == "-match")
        if operator == "-replace":
            pattern, by = right if isinstance(right, list) else (right, "")
            return v.regex(pattern).sub(v.substitution(by), v.text(left))
        if operator == "-split":
            pattern, most = right if isinstance(right, list) else (right, 0)
            return v.regex(pattern).split(v.text(left), maxsplit=max(most - 1, 0))
        if operator == "-join":
            return right.join(map(v.text, left if isinstance(left, list) else [left]))
        if operator == "-notcontains":
            return not any(v.same(item, right) for item in left)
        simple = {"-eq": v.same, "-ne": lambda a, b: not v.same(a, b)}
        simple |= {"-ceq": lambda a, b: v.same(a, b, case=True), "-gt": lambda a, b: a > b}
        simple |= {"-ge": lambda a, b: a >= b, "-lt": lambda a, b: a < b, "-le": lambda a, b: a <= b}
        if operator not in simple:
            raise Unsupported(operator)
        return simple[operator](left, right)

    def of_additive_expression(self, node: Node) -> Any:
        left, right = (self.value(child) for child in node.named_children)
        return v.plus(left, right) if node.children[1].text == b"+" else left - right

    of_additive_argument_expression = of_additive_expression

    def of_multiplicative_expression(self, node: Node) -> Any:
        left, right = (self.value(child) for child in node.named_children)
        return left * right if node.children[1].text == b"*" else left / right

    def of_range_expression(self, node: Node) -> list:
        first, last = (self.value(child) for child in node.named_children)
        return list(range(first, last + 1))

    def of_element_access(self, node: Node) -> Any:
        of, index = (self.value(child) for child in node.named_children)
        if isinstance(index, list):
            return [of[i] for i in index if i < len(of)]
        if isinstance(of, list):
            return of[index] if index < len(of) else None
        return of[index]

    def of_type_literal(self, node: Node) -> Any:
        name = node.text.decode()[1:-1].lower()
        if name.startswith("microsoft.visualbasic.") and "Microsoft.VisualBasic" not in self.assemblies:
            raise PSError(f"Unable to find type [{name}].")
        if name.removeprefix("system.") not in self.types:
            raise Unsupported(f"the type [{name}]")
        return self.types[name.removeprefix("system.")]

    def of_member_access(self, node: Node) -> Any:
        of, member = node.named_children
        owner, name = self.value(of), member.text.decode()
        if isinstance(owner, Table) and not hasattr(owner, name):
            return owner[name]
        if owner is None:
            return None
        return self.types["?"](owner, name)

    def of_invokation_expression(self, node: Node) -> Any:
        of, member, arguments = node.named_children
        owner, name = self.value(of), member.text.decode()
        if owner is None:
            raise PSError("You cannot call a method on a null-valued expression.")
        given = [self.value(a) for lists in arguments.named_children for a in lists.named_children]
        method = owner if name == "new" else self.types["?"](owner, name)
        try:
            return method(*given)
        except (OSError, ValueError, EOFError) as error:
            said = getattr(error, "strerror", None) or error
            raise PSError(f'Exception calling "{name}": "{said}"', error) from error


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


def unrolled(out: list) -> Any:
    return out if len(out) > 1 else out[0] if out else None
