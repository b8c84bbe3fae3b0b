"""One table of architectures and platforms; uv itself accepts the names that it is given."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from tasks.node.platforms import CONDA, conda_name, is_arm, machine, uv_name

TOP = Path(__file__).parents[2]
SOURCES = [path for path in (TOP / "tasks").rglob("*.py") if "drivers" not in path.parts]
NAMES = re.compile(r"x86_64|amd64|aarch64|arm64|ppc64le", re.IGNORECASE)


@pytest.mark.parametrize(
    ("reported", "name"),
    [
        ("x86_64", "x86_64"),
        ("amd64", "x86_64"),
        ("AMD64", "x86_64"),
        ("aarch64", "aarch64"),
        ("arm64", "aarch64"),
        ("ARM64", "aarch64"),
        ("ppc64le", "ppc64le"),
        ("riscv64", "riscv64"),
    ],
)
def test_one_name_for_an_architecture(reported, name):
    assert machine(reported) == name
    assert is_arm(reported) == (name == "aarch64")


@pytest.mark.parametrize(
    ("system", "arch", "name"),
    [
        ("Linux", "x86_64", "linux-64"),
        ("Linux", "aarch64", "linux-aarch64"),
        ("Linux", "ppc64le", "linux-ppc64le"),
        ("Darwin", "arm64", "osx-arm64"),
        ("Darwin", "x86_64", "osx-64"),
        ("Windows", "AMD64", "win-64"),
        ("Windows", "x86_64", "win-64"),
        ("Windows", "ARM64", None),
        ("Linux", "riscv64", None),
    ],
)
def test_conda_s_name_of_a_platform(system, arch, name):
    assert conda_name(system, arch) == name


@pytest.mark.parametrize(
    "glibc", ["2.17", "2.26", "2.28", "2.36", "glibc 2.40", "glibc 2.99", "", "musl 1.2.3"]
)
@pytest.mark.parametrize("platform", sorted(CONDA))
def test_uv_accepts_its_name_of_a_platform(platform, glibc):
    name = uv_name(*CONDA[platform], glibc)
    command = [find_uv_bin(), "pip", "compile", "-", "--quiet", "--offline", "--python-platform", name]
    done = subprocess.run(command, input="", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def strings_in_code(path: Path) -> set[str]:
    """The string constants of a module, without its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    }


# Text for people, and the suffix of rayproject's tags, which is part of a name.
BESIDES = {"tasks/bundle.py", "tasks/runtimes/docker/image/names.py"}


def test_no_other_module_names_an_architecture():
    found = {str(path.relative_to(TOP)) for path in SOURCES if any(map(NAMES.search, strings_in_code(path)))}
    assert found - BESIDES == {"tasks/node/platforms.py"}
