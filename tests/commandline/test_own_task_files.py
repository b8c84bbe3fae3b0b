"""A user's own tasks: where they are found, what is wrong with them, and that nothing else suffers."""

from __future__ import annotations

import sys

import pytest
from invoke import Collection, task

from tasks.commandline import manual, own_tasks
from tests.commandline.conftest import bare, change

BREW = '''
from invoke import task

@task(aliases=["br"], help={"n": "cups"})
def brew_tea(c, kind, n=1, strong=True):
    """Make tea."""
'''


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    """What a test imports is forgotten after it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_tasks"]:
        del sys.modules[name]


@pytest.fixture
def added(tmp_path, capsys):
    """added({"my_tasks.py": TEXT}) -> the names of all tasks, and what was printed on standard error."""

    def add(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        namespace = Collection(change, bare)
        own_tasks.add_to(namespace, tmp_path)
        out, err = capsys.readouterr()
        assert out == ""
        return namespace, err

    return add


def names(namespace):
    return sorted(namespace.task_names)


class TestFound:
    def test_without_own_tasks_nothing_is_added(self, added):
        namespace, err = added({})
        assert (names(namespace), err) == (["bare", "change"], "")

    def test_a_task_of_a_module_is_added(self, added):
        namespace, err = added({"my_tasks.py": BREW})
        assert (names(namespace), err) == (["bare", "brew-tea", "change"], "")
        assert namespace["br"].body.__name__ == "brew_tea"

    def test_in_a_package_with_relative_imports(self, added):
        namespace, err = added(
            {
                "my_tasks/__init__.py": "from .tea import brew_tea\nfrom my_tasks.cups import CUPS",
                "my_tasks/tea.py": f"from . import cups\nfrom .cups import CUPS\n{BREW}",
                "my_tasks/cups.py": "CUPS = 3",
            }
        )
        assert (names(namespace), err) == (["bare", "brew-tea", "change"], "")

    def test_with_a_module_beside_it(self, added):
        namespace, err = added({"my_tasks.py": f"import cups_beside\n{BREW}", "cups_beside.py": ""})
        assert ("brew-tea" in names(namespace), err) == (True, "")

    def test_a_file_beside_it_hides_no_module_of_python(self, added):
        _, err = added({"my_tasks.py": "import csv\ncsv.writer", "csv.py": ""})
        assert err == ""

    def test_in_groups_as_fabric_has_them(self, added):
        text = f"from invoke import Collection\n{BREW}\nns = Collection(kitchen=Collection(brew_tea))"
        namespace, err = added({"my_tasks.py": text})
        assert (names(namespace), err) == (["bare", "change", "kitchen.brew-tea"], "")

    def test_an_imported_built_in_task_is_no_task_of_theirs(self, added):
        text = f"from tests.commandline.conftest import bare\n{BREW.replace('@task(', '@task(pre=[bare], ')}"
        namespace, err = added({"my_tasks.py": text})
        assert (names(namespace), err) == (["bare", "brew-tea", "change"], "")

    def test_a_default_task_does_not_replace_the_list(self, added):
        namespace, _ = added({"my_tasks.py": BREW.replace("@task(", "@task(default=True, ")})
        assert namespace.default is None


# the text of my_tasks.py -> the first line of what is printed
WRONG = {
    "def tea(:\n": "my_tasks.py:1: SyntaxError: invalid syntax",
    "x = 1\nimport no_such_module\n": "my_tasks.py:2: ModuleNotFoundError: No module named 'no_such_module'",
    "\n\n1 / 0\n": "my_tasks.py:3: ZeroDivisionError: division by zero",
    "import sys\nsys.exit()\n": "my_tasks.py:2: SystemExit: sys.exit() was called",
    "import sys\nsys.exit('no tea')\n": "my_tasks.py:2: SystemExit: no tea",
    "raise BaseException('a\\nb')\n": "my_tasks.py:1: BaseException: a b",
    "raise ValueError('\\x1b[31mred')\n": "my_tasks.py:1: ValueError: \\x1b[31mred",
    "def f(): f()\nf()\n": "my_tasks.py:1: RecursionError: maximum recursion depth exceeded",
    "from invoke import Exit\nraise Exit('✗ no tea\\n  → buy some', 2)\n": "my_tasks.py:2: no tea → buy some",
    "import json\njson.loads('{')\n": "my_tasks.py:2: JSONDecodeError: Expecting property name",
    b"x = '\xff'\n": "my_tasks.py",
    b"\0": "my_tasks.py: SyntaxError: source code string cannot contain null bytes",
}


class TestWrong:
    @pytest.mark.parametrize("text", WRONG)
    def test_is_one_line_with_its_place_and_the_others_stay(self, added, text):
        namespace, err = added({"my_tasks.py": text})
        first, second = err.splitlines()
        assert first.startswith(f"✗ {WRONG[text]}")
        assert second == "  → your own tasks are left out until this is repaired; all others work"
        assert names(namespace) == ["bare", "change"]
        assert "my_tasks" not in sys.modules

    def test_names_the_module_of_the_package(self, added):
        _, err = added({"my_tasks/__init__.py": "from . import tea", "my_tasks/tea.py": "\n1/0"})
        assert err.startswith("✗ my_tasks/tea.py:2: ZeroDivisionError: ")
        assert not [name for name in sys.modules if name.startswith("my_tasks")]

    def test_names_the_module_with_the_syntax_error(self, added):
        _, err = added({"my_tasks/__init__.py": "from . import tea", "my_tasks/tea.py": "\n("})
        assert err.startswith("✗ my_tasks/tea.py:2: SyntaxError: ")

    def test_a_file_and_a_package_at_once_are_refused(self, added):
        namespace, err = added({"my_tasks.py": BREW, "my_tasks/__init__.py": BREW})
        assert err.startswith("✗ both my_tasks.py and my_tasks/ are there; keep one of them\n")
        assert names(namespace) == ["bare", "change"]

    def test_a_folder_that_is_no_package(self, added):
        _, err = added({"my_tasks/tea.py": BREW})
        assert err.startswith("✗ my_tasks/ has no __init__.py; ")

    def test_a_ctrl_c_while_they_are_imported_ends_the_program(self, added):
        with pytest.raises(KeyboardInterrupt):
            added({"my_tasks.py": "raise KeyboardInterrupt"})


class TestNames:
    @pytest.mark.parametrize("taken", ["change", "bare"])
    def test_of_built_in_tasks_are_refused_and_the_rest_is_there(self, added, taken):
        text = BREW + f"\n@task\ndef {taken}(c):\n    pass\n"
        namespace, err = added({"my_tasks.py": text})
        assert err == (
            f"✗ my_tasks.py:8: {taken} is the name of another task; this one is left out\n"
            '  → rename it, or give it another name with @task(name="...")\n'
        )
        assert names(namespace) == ["bare", "brew-tea", "change"]
        assert namespace[taken].body.__module__ == "tasks.toy"

    def test_an_alias_with_the_name_of_a_task_is_refused(self, added):
        namespace, err = added({"my_tasks.py": BREW.replace('"br"', '"bare"')})
        assert err.startswith("✗ my_tasks.py:4: bare is the name of another task")
        assert names(namespace) == ["bare", "change"]

    def test_a_group_with_the_name_of_a_task_is_refused(self, added):
        text = f"from invoke import Collection\n{BREW}\nns = Collection(bare=Collection(brew_tea))"
        namespace, err = added({"my_tasks.py": text})
        assert err.startswith("✗ my_tasks: the group bare has the name of a task")
        assert names(namespace) == ["bare", "change"]


class TestHelp:
    def test_a_task_is_shown_with_its_flags(self, added):
        namespace, _ = added({"my_tasks.py": BREW})
        context = next(one for one in namespace.to_contexts() if one.name == "brew-tea")
        text = manual.explained("brew-tea", namespace["brew-tea"], context, 80, built_in=False)
        assert text == (
            "Usage: fab brew-tea KIND [--flags]\n\nMake tea.\n\n"
            "  --kind KIND\n  --[no-]strong\n  -n N            cups"
        )

    def test_the_list_has_them_under_their_own_heading(self, added):
        namespace, _ = added({"my_tasks.py": BREW})
        tasks = {name: namespace[name] for name in namespace.task_names}
        text = manual.overview(tasks, 80, "rayfab 0")
        assert "\nyour own:\n" in text and "  brew-tea   Make tea.\n" in text


@task
def fails(c):
    """Its bug is the user's own."""
    raise ValueError("no tea")


@task
def ends_badly(c, hide=False):
    """A command that ends with 3."""
    c.run("echo poured; echo spilled >&2; exit 3", hide=hide, in_stream=False)


class TestFailing:
    """What a user sees when an own task fails while it runs."""

    @pytest.fixture
    def own(self, run):
        return lambda *arguments: run(*arguments, namespace=Collection(bare, fails, ends_badly))

    def test_a_bug_is_a_line_and_debug_shows_the_traceback(self, own):
        done = own("fails")
        assert (done.status, done.err) == (
            1,
            "✗ ValueError: no tea\n  → --debug shows the traceback\n",
        )
        for arguments in (["--debug", "fails"], ["fails", "--debug"]):
            done = own(*arguments)
            assert done.status == 1
            assert done.err.startswith("Traceback") and done.err.endswith("ValueError: no tea\n")

    def test_a_command_is_a_line_and_the_status_1(self, own):
        done = own("ends-badly")
        assert (done.status, done.out) == (1, "poured\n")
        assert done.err.endswith("✗ echo poured; echo spilled >&2; exit 3 ended with status 3\n")

    def test_the_last_line_of_a_hidden_output_is_shown(self, own):
        done = own("ends-badly", "--hide")
        assert (done.status, done.out) == (1, "")
        assert done.err == "✗ echo poured; echo spilled >&2; exit 3 ended with status 3: spilled\n"
