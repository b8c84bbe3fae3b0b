"""Whatever fails names its fix: all failures of all phases and scripts, read from the sources."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tasks.run.failures import Failure, HostFailed, Stop, failure_of
from tasks.ssh import errors

TASKS = Path(__file__).parents[2] / "tasks"
# what sudo itself says is no hint
AGAIN = re.compile(r"\b(?<!orry, )(run|try) (it )?again\b")
# what `fail` and `Fail` complete by themselves: files and folders that cannot be changed
BY_PATH = re.compile(r"""["']cannot (make|write|remove|replace) """)


def failures() -> list[tuple[str, str | None]]:
    """Every Failure, Stop and Finding that is made in Python: its place, and the source of its hint."""
    out = []
    for path in sorted(TASKS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(getattr(node, "func", None), "id", "")
            if name not in ("Failure", "Stop", "Finding"):
                continue
            at = 2 if name == "Finding" else 1
            named = {word.arg: word.value for word in node.keywords}
            starred = any(isinstance(one, ast.Starred) for one in node.args)
            hint = node.args[at] if len(node.args) > at else named.get("hint")
            place = f"{path.relative_to(TASKS)}:{node.lineno}"
            out.append((place, "*" if starred else hint and ast.unparse(hint)))
    return out


def scripts() -> list[tuple[str, str]]:
    """Every call of ``fail`` in the fragments: its place and its line."""
    out = []
    for path in sorted([*TASKS.rglob("*.sh"), *TASKS.rglob("*.ps1")]):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            code = line.strip()
            if re.search(r"(?<![\w-])(fail|Fail) [\"'(]", code) and not code.startswith("#"):
                out.append((f"{path.relative_to(TASKS)}:{number}", code))
    return out


WORD = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*')"""


def lacks_a_hint(line: str) -> bool:
    """Whether a call of ``fail`` has only its first argument."""
    if BY_PATH.search(line):
        return False
    if found := re.search(rf"(?<![\w-])[fF]ail ({WORD})(.*)", line):
        return re.match(r"\s*[\"'$(\\]", found.group(2)) is None
    rest = re.sub(WORD, "''", line[re.search(r"(?<![\w-])Fail ", line).end() :])
    depth = 0
    for at, char in enumerate(rest):
        depth += (char == "(") - (char == ")")
        if depth == 0 and char == ")":
            return re.match(r"\s*[\"'($]", rest[at + 1 :]) is None
    return False


def test_every_failure_in_python_has_one():
    found = failures()
    assert len(found) > 60, "this test has lost what it looks at"
    assert [place for place, hint in found if hint in (None, "''")] == []


def test_every_failure_of_a_script_has_one():
    found = scripts()
    assert len(found) > 100, "this test has lost what it looks at"
    assert [(place, line) for place, line in found if lacks_a_hint(line)] == []


@pytest.mark.parametrize(
    ("line", "lacks"),
    [
        ('fail "cannot make $NODE"', False),
        ('[ -x "$a" ] || fail "there is no a"', True),
        ('fail "there is no a" "fab deploy-cluster makes it"', False),
        ('fail "no $a" "$rf_hint"', False),
        ("fi; fail 'x' }", True),
        ("Fail 'ray start failed twice'", True),
        ("Fail ('it did not (yet) start ' + $x) 'look'", False),
        ("Fail ('it did not start ' + $x)", True),
        ("try { } catch { Fail ('cannot remove ' + $x + ': ' + $_) }", False),
    ],
)
def test_the_check_sees_calls_without_one(line, lacks):
    assert lacks_a_hint(line) is lacks


def test_none_is_only_to_do_it_once_more():
    """It would fail again; the laboratory's own messages tell how to begin."""
    found = [
        (path.name, AGAIN.search(line).group())
        for suffix in ("py", "sh", "ps1")
        for path in TASKS.rglob(f"*.{suffix}")
        if "testbed" not in path.parts
        for line in path.read_text("utf-8").splitlines()
        if AGAIN.search(line) and re.search(r"[\"']", line) and not re.match(r"\s*(#|\"\"\"|:)", line)
    ]
    assert found == []


@pytest.mark.parametrize("hint", ["", "  ", "\n"])
def test_an_empty_one_cannot_be_made(hint):
    """A host may answer with one."""
    assert Failure("x", hint).hint.strip()
    assert Stop("x", hint).hint.strip()
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) > 8
    for kind in kinds:
        more = (None,) if kind is errors.Unfinished else ()
        assert kind("x", hint, *more).hint.strip()
        assert failure_of(kind("x", hint, *more)).hint.strip()


@pytest.mark.parametrize("error", [ValueError("x"), HostFailed(Failure("x")), Stop("x"), KeyError(1)])
def test_of_any_exception(error):
    assert failure_of(error).hint.strip()
