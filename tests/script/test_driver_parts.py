"""A driver and its parts are one program, which needs nothing of this project where it runs."""

from __future__ import annotations

import ast

import pytest

from tasks.script import files

DRIVERS = sorted(files.files("drivers"))


@pytest.mark.parametrize("name", DRIVERS)
def test_is_whole(name):
    tree = ast.parse(files.text("drivers", name))
    wanted = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert not [module for module in wanted if (module or "").startswith("tasks")]
    # a part that is there twice would be there with two states
    defined = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    assert len(defined) == len(set(defined))


def test_a_part_takes_the_place_of_its_import():
    part = files.files("drivers")["raylets"].read_text("utf-8")
    function = part[part.index("def started") : part.index("def node_id")]
    watch = files.text("drivers", "watch")
    assert watch.count(function) == 1
    assert watch.index(function) < watch.index("def main")
    assert watch.count('"""Ray\'s processes as the kernel shows them') == 0
