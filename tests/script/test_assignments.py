"""How values enter a script, without running it."""

import pytest

from tasks.script.fragments import fragment
from tasks.script.script import assignment, quote, render


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "X=plain"),
        ("it's", "X='it'\"'\"'s'"),
        ("", "X=''"),
        (None, "X=''"),
        (True, "X=1"),
        (False, "X=''"),
        (7, "X=7"),
        ("~", "X='~'"),
        ("a\nb", "X='a\nb'"),
        (["a b", "c"], "with_x() { \"$@\" 'a b' c; }"),
        ([], 'with_x() { "$@"; }'),
        (["f() { x ; }"], "with_x() { \"$@\" 'f() { x ; }'; }"),
    ],
)
def test_a_value_becomes_a_quoted_assignment(value, text):
    assert assignment("X", value) == text


@pytest.mark.parametrize("name", ["x", "1X", "X-Y", "X Y", "X=1", "", "X\n", "$X"])
def test_only_names_are_assigned_to(name):
    with pytest.raises(ValueError, match="not a variable's name"):
        assignment(name, "1")


def test_a_nul_is_refused():
    for refused in (lambda: quote("a\0b"), lambda: assignment("W", ["a\0b"]), lambda: assignment("X", "\0")):
        with pytest.raises(ValueError, match="NUL"):
            refused()


def test_a_script_runs_nothing_before_it_is_whole():
    """Everything that acts stands in functions; the last line is the first that runs one."""
    script = render("try", ["stop"], {"CLUSTER": "lab", "KINDS": ""}, secrets=["RF_SUDO"])
    assert script.title == "try" and script.secrets == ("RF_SUDO",)
    assert script.text.startswith("# rayfab: try\n")
    assert script.text.endswith("finish 0\n}\nmain </dev/null\n")
    assert fragment("stop").text in script.text and fragment("node").text in script.text
