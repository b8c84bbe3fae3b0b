"""PyYAML's errors in plain words. The text of the file is never repeated, since it can be a password."""

from __future__ import annotations

import re

from yaml import MarkedYAMLError

from tasks.inventory.nodes import TOO_DEEP

TAB = "a tab in the indentation; use spaces"
TAB_HERE = "a tab is not allowed here; use spaces"
_EXPLANATIONS = (
    (TOO_DEEP, TOO_DEEP),
    (r"single document", "a second document starts here ('---'); a hosts file is one document"),
    (
        r"undefined alias",
        "'*' starts an alias here, and no anchor ('&') above has its name; quote a text that starts with *",
    ),
    (r"undefined tag|tag", "'!' starts a tag here that YAML does not know; quote a text that starts with !"),
    (
        r"mapping values are not allowed",
        "a ': ' is not expected here; check the indentation, or quote the text",
    ),
    (r"mapping keys are not allowed", "a '? ' is not expected here; quote a text that starts with ?"),
    (
        r"sequence entries are not allowed",
        "a '- ' is not expected here; start each item of a list on a line of its own, or quote the text",
    ),
    (r"could not find expected ':'|expected ':'", "a key without ': ' after it"),
    (
        r"expected ',' or '[]}]'|flow",
        "a '[' or '{' is not closed, or a comma is missing; inside [ ] ranges must be quoted",
    ),
    (r"escape", "a backslash in double quotes starts an unknown escape; use single quotes"),
    (r"quoted scalar", "a quote that is opened here is not closed"),
    (r"cannot start any token", "a text cannot start with this character; quote it"),
    (r"block scalar", "only a digit, '+' or '-' can follow '|' or '>'; quote a text that starts with them"),
    (
        r"block (mapping|collection|sequence)|expected <block end>",
        "the indentation does not fit the lines above",
    ),
    (r"alias|anchor", "'&' and '*' start an anchor and an alias; quote a text that starts with them"),
    (
        r"YAML (directive|document)|directive|document start",
        "a line that starts with '%' or '---' is not expected here; leave it out",
    ),
)
UNKNOWN = "this is not valid YAML; check the quotes, the brackets and the indentation"


def explain(error: MarkedYAMLError, text: str) -> tuple[int, str]:
    """The line of an error, counted from 1, and what is wrong there.

    :param text: the text that was parsed.
    """
    context, problem = error.context or "", error.problem or ""
    mark = error.problem_mark or error.context_mark
    if problem == "second occurrence":  # of an anchor
        first = error.context_mark.line + 1
        return mark.line + 1, f"this anchor ('&') is in line {first} already; give one of them another name"
    starts_before = "scanning a quoted scalar" in context or "scanning a simple key" in context
    if error.context_mark and starts_before:
        mark = error.context_mark
    line = mark.line + 1
    if "\t" in _indentation(text, line):
        return line, TAB
    if "\t" in text[max(0, mark.index - 1) : mark.index + 1]:
        return line, TAB_HERE
    for pattern, explanation in _EXPLANATIONS:
        if re.search(pattern, problem) or re.search(pattern, context):
            return line, explanation
    return line, UNKNOWN


def _indentation(text: str, line: int) -> str:
    """The white space before the text of this line and of the one above."""
    lines = text.splitlines()[max(0, line - 2) : line]
    return "".join(one[: len(one) - len(one.lstrip())] for one in lines)
