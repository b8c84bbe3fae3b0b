"""`fab --help` answers for every task and every flag."""

from __future__ import annotations

import pytest

from fabfile import ns
from tasks.commandline import options
from tests.namespace import CONTEXTS

TASKS = {name: ns[name] for name in ns.task_names}


def flags(task):
    return list(CONTEXTS[task.name.replace("_", "-")].args.values())


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
class TestEveryTask:
    def test_says_what_it_does_in_one_line_first(self, task):
        first = (task.__doc__ or "").strip().splitlines()[0]
        # `fab --list` shows it beside the name
        assert 10 < len(first) <= 90
        assert first[0].isupper()

    def test_says_what_each_flag_is_for(self, task):
        assert [a.name for a in flags(task) if not (a.help or "").strip()] == []

    def test_has_no_flag_of_one_letter_that_means_another_thing_elsewhere(self, task):
        assert [name for a in flags(task) for name in a.names if len(name) == 1] == []

    def test_the_hosts_file_has_the_same_name_and_description_everywhere(self, task):
        said = {a.help for a in flags(task) if a.name == "hosts-file"}
        assert said <= {options.HOSTS_FILE} or task.name == "init"
