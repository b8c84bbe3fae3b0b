"""YAML's own errors in plain words. Nothing of the file's text is repeated: it may be a password."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError

from tasks.inventory.problems import Where

TAB = "a tab in the indentation; YAML requires spaces"
_PLAIN_WORDS = (
    (r"single document", "a second document starts here ('---'); a hosts file is one"),
    (
        r"undefined alias",
        "'*' starts an alias here, and it has no anchor ('&') above; quote a text that starts with *",
    ),
    (r"undefined tag|tag", "'!' starts a tag here that YAML does not know; quote a text that starts with !"),
    (
        r"mapping values are not allowed",
        "a ': ' is not expected here; check the indentation, or quote the text",
    ),
    (r"could not find expected ':'|expected ':'", "a key without ': ' after it"),
    (
        r"expected ',' or '[]}]'|flow",
        "a '[' or '{' is not closed, or a comma is missing; inside [ ] ranges must be quoted",
    ),
    (r"escape character", "a backslash in double quotes starts an unknown escape; use single quotes"),
    (r"quoted scalar", "a quote that is opened here is not closed"),
    (r"cannot start any token", "a text cannot start with this character; quote it"),
    (
        r"block (mapping|collection|sequence)|expected <block end>",
        "the indentation does not fit the lines above",
    ),
    (r"alias|anchor", "'&' and '*' start an anchor and an alias; quote a text that starts with them"),
    (r"directive|document start", "a line that starts with '%' or '---' is not expected here"),
)


def explain(error: MarkedYAMLError, text: str) -> tuple[int, Where, str]:
    """Line (from 1), path (always empty) and message for an error of the parser."""
    said = f"{error.context or ''} / {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    opened_there = "quoted scalar" in said and "escape" not in said
    if error.context_mark and (opened_there or "scanning a simple key" in said):
        mark = error.context_mark
    line = mark.line + 1 if mark else 1
    if "\t" in _indentation(text, line) or "'\\t'" in said:
        return line, (), TAB
    for pattern, words in _PLAIN_WORDS:
        if re.search(pattern, error.problem or "") or re.search(pattern, error.context or ""):
            return line, (), words
    return line, (), "this is not valid YAML"


def _indentation(text: str, line: int) -> str:
    lines = text.splitlines()[max(0, line - 2) : line]
    return "".join(one[: len(one) - len(one.lstrip())] for one in lines)
