"""What a version of Ray can do is decided in one module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tasks.inventory import ray_versions as versions

TOP = Path(__file__).parents[2]
# Drivers run inside Ray, with nothing of this project beside them, and ask that Ray for its version.
SOURCES = [path for path in (TOP / "tasks").rglob("*.py") if "drivers" not in path.parts]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("2.60.0", (2, 60, 0)), ("2.7", (2, 7)), ("2.52.0rc1", (2, 52, 0)), ("2.9.3+cpu", (2, 9, 3))],
)
def test_a_version_is_parsed_into_numbers(text, numbers):
    assert versions.parse(text) == numbers


@pytest.mark.parametrize(
    ("question", "first"),
    [
        (versions.has_token_auth, "2.52.0"),
        (versions.knows_runtime_env_agent_port, "2.7.1"),
        (versions.knows_string_labels, "2.45.0"),
        (lambda ray: not versions.companions(ray), "2.50.0"),
        (lambda ray: "protobuf<5" not in versions.companions(ray), "2.10.0"),
    ],
)
def test_a_capability_begins_with_its_version(question, first):
    major, minor, patch = versions.parse(first)
    before = f"{major}.{minor}.{patch - 1}" if patch else f"{major}.{minor - 1}.9"
    assert question(first) and question("2.60.0") and not question(before)


@pytest.mark.parametrize(
    ("python", "ray", "runs"),
    [
        ("3.6.9", "1.0.0", False),
        ("3.7.9", "2.7.2", True),
        ("3.7.9", "2.8.0", False),
        ("3.8.10", "2.10.0", True),
        ("3.8.10", "2.11.0", False),
        ("3.9.2", "2.51.2", True),
        ("3.9.2", "2.52.0", False),
        ("3.10.1", "2.52.0", True),
        ("3.11.2", "2.7.2", True),
        ("3.12.3", "2.7.2", False),
        ("3.12.3", "2.31.0", True),
        ("3.13.0", "2.44.1", False),
        ("3.13.0", "2.45.0", True),
        ("3.14.0", "2.54.0", False),
        ("3.14.0", "2.60.0", True),
        ("3.15.0", "2.60.0", False),
        ("3.6.9", None, False),
        ("3.7.9", None, True),
        ("3.14.0", None, True),
        ("3.15.0", None, False),
    ],
)
def test_which_python_runs_which_ray(python, ray, runs):
    assert versions.runs_ray(python, ray) is runs


def compares_a_version(node: ast.AST) -> bool:
    """A comparison with a tuple such as ``(2, 52)``."""
    return isinstance(node, ast.Compare) and any(
        isinstance(side, ast.Tuple)
        and side.elts
        and isinstance(side.elts[0], ast.Constant)
        and side.elts[0].value == 2
        for side in (node.left, *node.comparators)
    )


def test_no_other_module_compares_versions_of_ray():
    found = {
        str(path.relative_to(TOP))
        for path in SOURCES
        if any(map(compares_a_version, ast.walk(ast.parse(path.read_text("utf-8")))))
    }
    assert found == {"tasks/inventory/ray_versions.py"}
