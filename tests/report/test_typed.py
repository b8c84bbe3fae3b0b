"""Commands in messages: as this user types them, with the hosts file of this call, ready to paste."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

import pytest

from tasks.actions import cli
from tasks.report import typed
from tests.namespace import CONTEXTS

TASKS = Path(__file__).parents[2] / "tasks"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fab deploy-cluster starts it", "./fab deploy-cluster starts it"),
        ("there is none; `fab init` writes one", "there is none; `./fab init` writes one"),
        ("fab --list", "./fab --list"),
        ("fab exec -- ray --version", "./fab exec -- ray --version"),
        (
            "the prefab walls, a fab 4, my-fab run, ./fab stop",
            "the prefab walls, a fab 4, my-fab run, ./fab stop",
        ),
    ],
)
def test_the_program_is_said_as_it_was_typed(text, said, monkeypatch):
    monkeypatch.setenv("RAYFAB_PROGRAM", "./fab")
    assert typed.as_typed(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fab logs --host n1", "fab logs --hosts-file lab.yml --host n1"),
        ("fab submit -- python job.py", "fab submit --hosts-file lab.yml -- python job.py"),
        ("run `fab lab-down` first", "run `fab lab-down` first"),
        ("fab status --hosts-file other.yml", "fab status --hosts-file other.yml"),
        ("fab --help", "fab --help"),
    ],
)
def test_the_hosts_file_is_named_where_one_was(text, said):
    typed.use_hosts_file("lab.yml")
    assert typed.as_typed(text) == said


@pytest.mark.parametrize(
    "name", ["my hosts.yml", "it's.yml", "$(id).yml", "a;b.yml", "中文.yml", "[a].yml", "~.yml"]
)
def test_any_path_can_be_pasted(name, monkeypatch):
    monkeypatch.setenv("RAYFAB_PROGRAM", "/opt/my tools/fab")
    typed.use_hosts_file(name)
    assert shlex.split(typed.command("status")) == ["/opt/my tools/fab", "status", "--hosts-file", name]


@pytest.mark.parametrize(
    ("given", "environment", "named"),
    [(None, None, None), ("a.yml", None, "a.yml"), ("a.yml", "b.yml", "a.yml"), (None, "b.yml", "b.yml")],
)
def test_the_file_is_the_one_that_is_read(given, environment, named, monkeypatch):
    """That of the environment, too: it may have been set for this one command."""
    if environment:
        monkeypatch.setenv("RAY_HOSTS_FILE", environment)
    path = cli.hosts_file(given)
    assert typed.command("stop") == ("fab stop" if named is None else f"fab stop --hosts-file {named}")
    assert path == Path(named) if named else path in (cli.OWN, cli.SHIPPED)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["submit", "--hosts-file", "lab.yml"], "lab.yml"),
        (["submit", "--hosts-file=my lab.yml", "--no-wait"], "'my lab.yml'"),
        (["submit", "--", "x", "--hosts-file", "other.yml"], None),
        (["submit", "--hosts-file"], None),
    ],
)
def test_the_file_is_known_before_the_command_line_is_read(arguments, named):
    """A message about the command line itself names it, too."""
    typed.use_arguments(arguments)
    assert typed.as_typed("fab stop") == ("fab stop" if named is None else f"fab stop --hosts-file {named}")


@pytest.mark.parametrize(
    ("arguments", "again"),
    [
        (["stop", "--limit", "a b"], "fab stop --limit 'a b' --yes"),
        (["exec", "--", "ls", "-l"], "fab exec --yes -- ls -l"),
    ],
)
def test_the_same_command_with_one_more_flag(arguments, again):
    typed.use_arguments(arguments)
    assert typed.again("--yes") == again


def test_tasks_without_a_hosts_file_are_known():
    without = {name for name, context in CONTEXTS.items() if "hosts-file" not in context.args}
    assert without == typed.NO_HOSTS_FILE & set(CONTEXTS)


def literals() -> list[tuple[str, str]]:
    """Every text of the sources that is shown, without docstrings: (place, text)."""
    out = []
    for path in sorted(TASKS.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(v.value if isinstance(v, ast.Constant) else "X" for v in node.values)
                out.append((f"{path.name}:{node.lineno}", text))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                out.append((f"{path.name}:{node.lineno}", node.value))
    for path in [*TASKS.rglob("*.sh"), *TASKS.rglob("*.ps1")]:
        out += [(f"{path.name}:{n}", line) for n, line in enumerate(path.read_text("utf-8").splitlines(), 1)]
    return out


class TestEveryCommandInTheSources:
    def test_names_a_task_and_flags_that_there_are(self):
        wrong, seen = [], 0
        for place, text in literals():
            for found in typed._COMMAND.finditer(text):
                task = found.group(1)
                if task is None or task in ("TASK", "is"):
                    continue
                seen += 1
                rest = text[found.end() :].split("`")[0].split(";")[0].split(" -- ")[0]
                flags = [
                    word.partition("=")[0].strip("'\",.)") for word in rest.split() if word.startswith("--")
                ]
                known = CONTEXTS[task].flags if task in CONTEXTS else {}
                if task not in CONTEXTS or not all(flag in known or flag == "--help" for flag in flags):
                    wrong.append((place, text))
        assert seen > 30, "this test has lost what it looks at"
        assert wrong == []

    def test_none_is_printed_without_the_program_and_the_hosts_file(self):
        """ok, bad, note, Mistake and the table of failures say a text as typed; print and Exit do not."""
        wrong, seen = [], 0
        for path in sorted(TASKS.rglob("*.py")):
            for call in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(call, ast.Call):
                    continue
                name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                if name in ("print", "Exit", "raw", "write") and call.args:
                    seen += 1
                    text = ast.unparse(call.args[0])
                    if typed._COMMAND.search(text) and "as_typed" not in text:
                        wrong.append(f"{path.name}:{call.lineno}: {text}")
        assert seen > 50, "this test has lost what it looks at"
        # a Python that this program cannot start with has no hosts file yet
        assert [one for one in wrong if not one.startswith("summary.py")] == []

    def test_none_is_written_with_a_program_of_its_own(self):
        """./fab is what one user types; the code says fab, and the console says it as typed."""
        shown = [(place, text) for place, text in literals() if "./fab" in text]
        # summary.py: the program in an unpacked bundle
        places = {place.split(":")[0] for place, text in shown if not text.startswith(("#", "\n"))}
        assert places == {"summary.py"}
