"""Values of expressions: one half of the stand-in for PowerShell."""

from __future__ import annotations

from typing import Any

from . import values as v
from .syntax import Node, descend, literal
from .values import VOID, PSError, Table, Unsupported

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


class Expressions:
    """What an expression is, by the kind of its node; the other half, Shell, has the variables and commands."""

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
        if place.type == "expression_with_unary_operator" and place.child_count == 1:
            place = descend(place.children[0])
        if place.type == "cast_expression":
            kind, place = place.named_children[0].text.decode().lower(), descend(place.named_children[1])
            value = self.cast(kind, value)
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

    def of_real_literal(self, node: Node) -> float:
        return float(node.text)

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
        return self.cast(node.named_children[0].text.decode().lower(), self.value(node.named_children[1]))

    def cast(self, kind: str, operand: Any) -> Any:
        if kind == "[string]":
            return operand.ToString() if hasattr(operand, "ToString") else v.text(operand)
        if kind in ("[int]", "[long]"):
            return round(v.number(operand))
        if kind in ("[long[]]", "[object[]]") and isinstance(operand, list):
            return list(operand)
        raise Unsupported(f"{kind} of {operand!r}"[:80])

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
        if operator == "-is" and right is self.types["string"]:
            return isinstance(left, str)
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

    of_multiplicative_argument_expression = of_multiplicative_expression

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


def unrolled(out: list) -> Any:
    return out if len(out) > 1 else out[0] if out else None
