"""--list, --help and a bare call: a manual, at any width."""

from __future__ import annotations

import importlib.metadata
import re

import pytest

from fabfile import ns
from tasks.commandline import groups, manual
from tasks.commandline.version import VERSION
from tests.namespace import CONTEXTS

TASKS = {name: ns[name] for name in ns.task_names}


class TestOverview:
    @pytest.mark.parametrize("arguments", [[], ["--list"], ["--help"], ["-h"], ["help"]])
    def test_comes_however_one_asks(self, real, arguments):
        done = real(*arguments)
        assert done.status == 0
        assert done.out.startswith(f"Usage: fab TASK [--flags]\nrayfab {VERSION} (Fabric ")

    def test_has_every_task_in_one_group_in_the_order_of_use(self):
        shown = groups.grouped(TASKS)
        assert list(shown) == list(groups.GROUPS)
        assert sorted(name for names in shown.values() for name in names) == sorted(TASKS)

    def test_has_three_examples_that_can_be_typed(self):
        assert len(groups.EXAMPLES) == 3
        assert all(command.split()[0] in TASKS for command, _ in groups.EXAMPLES)

    def test_shows_a_users_own_tasks_last(self):
        assert list(groups.grouped([*TASKS, "mine"]).items())[-1] == ("your own", ["mine"])

    @pytest.mark.parametrize("width", [80, 60])
    def test_every_line_but_an_example_fits_the_width(self, width):
        text = manual.overview(TASKS, width, "rayfab 0")
        # an example that can be pasted stays on one line
        wide = [line for line in text.splitlines() if len(line) > width and "fab " not in line]
        assert wide == []

    def test_is_one_line_a_task_at_80_columns(self):
        text = manual.overview(TASKS, 80, "rayfab 0")
        assert not re.search(r"^ {10,}\S", text.partition("examples:")[0], re.MULTILINE), text


@pytest.mark.parametrize("name", TASKS)
class TestExplained:
    @pytest.mark.parametrize("width", [80, 60])
    def test_fits_and_has_every_flag(self, name, width):
        text = manual.explained(name, TASKS[name], CONTEXTS[name], width)
        assert [line for line in text.splitlines() if len(line) > width] == []
        flags = re.findall(r"^  --(?:\[no-\])?([\w-]+)", text, re.MULTILINE)
        assert sorted(flags) == sorted(a.names[0] for a in CONTEXTS[name].args.values())

    def test_says_what_stands_for_each_value(self, name):
        text = manual.explained(name, TASKS[name], CONTEXTS[name], 80)
        for argument in CONTEXTS[name].args.values():
            if argument.takes_value:
                assert re.search(rf"--{argument.names[0]} [A-Z]+", text), argument.names[0]


def test_the_version_is_ours_and_names_what_it_stands_on(real):
    out = real("--version").out
    assert re.fullmatch(
        rf"rayfab {VERSION} \(Fabric [\d.]+, Invoke [\d.]+, Paramiko [\d.]+, Python [\d.]+\)\n", out
    )
    assert importlib.metadata.version("fabric") in out


def test_the_program_is_named_as_it_was_called(monkeypatch):
    monkeypatch.setenv("RAYFAB_PROGRAM", "/opt/my tools/fab")
    assert manual.overview(TASKS, 80, "").startswith("Usage: '/opt/my tools/fab' TASK")
