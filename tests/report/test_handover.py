"""What to type next: commands that can be pasted as they stand, in a column."""

from __future__ import annotations

import pytest

from tasks.report import handover, typed


def test_commands_are_said_as_they_were_typed_and_stand_in_a_column(pipe, text, monkeypatch):
    monkeypatch.setenv("RAYFAB_PROGRAM", "./fab")
    typed.use_hosts_file("lab.yml")
    handover.next_steps(pipe, {"address": "10.0.0.1:6379"})
    assert text(pipe).splitlines() == [
        "next:",
        "  ./fab status --hosts-file lab.yml                    what runs where",
        "  ./fab dashboard --hosts-file lab.yml                 Ray's dashboard of 10.0.0.1:6379, through a tunnel",
        "  ./fab submit --hosts-file lab.yml -- python job.py   run a job",
        "  ./fab logs --hosts-file lab.yml                      the last lines of all nodes",
    ]


@pytest.mark.parametrize(("count", "said"), [(0, "0 hosts"), (1, "1 host"), (2, "2 hosts")])
def test_hosts_are_counted_in_singular_and_plural(count, said):
    assert handover.hosts(count) == said
