"""One function quotes for each shell, and nothing else in the project quotes."""

from __future__ import annotations

import ast
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text import quoting

TOP = Path(__file__).parents[2]
# Drivers run on hosts with nothing of this project beside them.
SOURCES = [path for path in (TOP / "tasks").rglob("*.py") if "drivers" not in path.parts]
HOSTILE = [
    "",
    "plain",
    "a b",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "\\",
    "a\\'b",
    "\n",
    "*",
    "-n",
    "ü'",
    "~",
    "\u2019",
    "a;b",
]


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "fish"])
def test_a_shell_reads_back_what_was_quoted(shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    quote = quoting.fish if shell == "fish" else quoting.posix
    line = "printf '%s\\0' " + " ".join(map(quote, HOSTILE))
    done = subprocess.run([shell, "-c", line], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == HOSTILE


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_a_line_is_split_into_the_same_arguments(arguments):
    assert shlex.split(quoting.posix_line(arguments)) == arguments
    assert shlex.split(quoting.printed(*arguments)) == arguments


@pytest.mark.parametrize("quote", [quoting.posix, quoting.powershell])
def test_nul_is_refused_where_a_shell_reads_it(quote):
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")


def test_nul_is_shown_where_a_person_reads_it():
    assert quoting.printed("a\0b", "it's") == "'a\\0b' 'it'\"'\"'s'"


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", "'it''s'"),
        ("\u2018\u2019\u201a\u201b", "'" + "".join(c * 2 for c in "\u2018\u2019\u201a\u201b") + "'"),
        ("$x `n", "'$x `n'"),
    ],
)
def test_powershell_doubles_every_kind_of_single_quote(value, quoted):
    assert quoting.powershell(value) == quoted


@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
def test_what_a_shell_prints_of_a_value_is_known(shell):
    """A secret is found in the output of ``set -x`` whatever is in it."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    traced = subprocess.run([shell, "-xc", ': "$1"', "-", "it's a b"], capture_output=True, text=True).stderr
    assert any(form in traced for form in quoting.as_shells_print("it's a b"))


def quotes_itself(node: ast.AST) -> bool:
    """``shlex.quote``, ``shlex.join``, ``list2cmdline``, ``text.replace("'", ...)``."""
    if isinstance(node, ast.ImportFrom) and node.module == "shlex":
        return any(alias.name in ("quote", "join") for alias in node.names)
    if isinstance(node, ast.Attribute):
        own = isinstance(node.value, ast.Name) and node.value.id == "shlex" and node.attr in ("quote", "join")
        return own or node.attr == "list2cmdline"
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "replace"
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value == "'"
    )


def test_nothing_else_quotes():
    found = {
        str(path.relative_to(TOP))
        for path in SOURCES
        if any(map(quotes_itself, ast.walk(ast.parse(path.read_text("utf-8")))))
    }
    assert found == {"tasks/text/quoting.py"}
