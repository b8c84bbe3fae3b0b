"""`fab --list` and `--help` start fast, because they import nothing that only a running task needs."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
TASKS = sorted(path for path in (TOP / "tasks").glob("*.py") if not path.stem.startswith("__"))

# Fabric, Invoke and Paramiko are not among them: they are what reads the command line, with YAML and unittest.mock.
HEAVY = ("pydantic", "rich", "ruamel", "requests", "tarfile")
ONLY_WHEN_A_TASK_RUNS = (
    "actions",
    "completion",
    "inventory",
    "phases",
    "plan",
    "run",
    "runtimes",
    "script",
    "ssh",
    "testbed",
)

PROGRAM = """
import atexit, runpy, sys
atexit.register(lambda: print("MODULES", *sys.modules))
sys.argv = ["tasks", *{arguments!r}]
runpy.run_path("tasks", run_name="__main__")
"""


def imported(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(arguments=arguments)], cwd=TOP, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("MODULES ")[2].split())


def not_needed_yet(found: set[str]) -> set[str]:
    heavy = {name for name in found if name.partition(".")[0] in HEAVY}
    late = {
        name for name in found if name.startswith("tasks.") and name.split(".")[1] in ONLY_WHEN_A_TASK_RUNS
    }
    return heavy | late


@pytest.mark.parametrize(
    "arguments", [("--list",), ("--help", "deploy-cluster"), ("--version",)], ids=" ".join
)
def test_nothing_is_imported_that_only_a_running_task_needs(arguments):
    found = imported(*arguments)
    assert "tasks.cluster" in found or arguments == ("--version",)
    assert not_needed_yet(found) == set()


def test_a_task_that_runs_imports_what_it_needs():
    """The list above is not empty for a reason: the same program imports these where it reads a hosts file."""
    found = imported("check", "--schema")
    assert {"pydantic", "rich", "tasks.actions.cli", "tasks.inventory"} <= found


def test_a_file_of_own_tasks_costs_no_more():
    """It is read for `fab --list` as well."""
    code = "import sys, examples.my_tasks; print('MODULES', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = set(done.stdout.split())
    assert "tasks.hosts" in found
    assert not_needed_yet(found) == set()


def late_imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) of each ``from module import name`` inside a function."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    return [
        (node.module or "", alias.name)
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.stem)
def test_what_a_task_imports_late_exists(path):
    for module, name in late_imports(path):
        if not hasattr(importlib.import_module(module), name):
            importlib.import_module(f"{module}.{name}")
