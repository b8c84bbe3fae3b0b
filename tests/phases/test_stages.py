"""The stages of a host, and what a run finds by them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tasks.run.failures import Failure, Stop
from tasks.run.stages import Known, Listed, Planned, Reached, Resolved
from tests.script import samples


@pytest.fixture
def run(fleet):
    """Of three hosts: the head is known, the first worker is reached, the second is only listed."""
    made = fleet.make()
    connection = SimpleNamespace(cancel=lambda: None, close=lambda: None)
    head, one, _ = made.every()
    made.put(head.reached(connection).known(samples.facts()))
    made.put(one.reached(connection))
    return made


def names(nodes) -> list[str]:
    return [node.name for node in nodes]


class TestAHost:
    def test_is_the_same_host_at_each_stage(self, run):
        head = run.head(Known)
        before = Listed(head.host)
        assert before == head
        assert {before: 1}[head] == 1
        assert run.every()[1] != head

    def test_keeps_what_was_known_before(self, run):
        head = run.head(Known)
        planned = head.resolved(samples.versions()).planned(desired=None, change=None)
        assert isinstance(planned, (Reached, Known, Resolved))
        assert (planned.connection, planned.facts) == (head.connection, head.facts)

    def test_cannot_be_changed_in_place(self, run):
        with pytest.raises(AttributeError):
            run.head(Known).facts = None

    def test_runs_where_an_interrupted_run_has_left_processes(self, run):
        head = run.head(Known)
        assert not head.runs
        assert replace(head, facts=replace(head.facts, node_processes=True)).runs


class TestARun:
    def test_finds_hosts_that_have_come_to_a_stage(self, run):
        assert names(run.every()) == ["head", "one", "two"]
        assert names(run.every(Reached)) == ["head", "one"]
        assert names(run.every(Known)) == ["head"]
        assert names(run.every(Planned)) == []
        assert names(run.workers(Reached)) == ["one"]

    def test_leaves_out_hosts_that_have_failed(self, run):
        run.fail(run.every()[1], Failure("broke"))
        assert names(run.living(Reached)) == ["head"]
        assert names(run.failed) == ["one"]

    def test_reports_the_first_failure_of_a_host(self, run):
        head = run.head()
        run.fail(head, Failure("broke"))
        run.fail(head, Failure("broke again"))
        assert run.failure(head).message == "broke"

    def test_chooses_by_limit(self, fleet):
        run = fleet.make(limit=frozenset({"two", "head"}))
        assert names(run.chosen()) == ["head", "two"]
        assert names(run.living()) == ["head", "one", "two"]

    def test_stops_where_the_head_has_not_come_to_the_stage(self, run):
        assert run.head(Known).name == "head"
        run.fail(run.head(), Failure("broke", "repair it"))
        with pytest.raises(Stop, match="the head is needed") as stop:
            run.head(Planned)
        assert stop.value.hint == "repair it"

    def test_replaces_a_host_by_its_next_stage(self, run):
        two = run.every()[2]
        run.grow("Connect", [two], lambda node, board: node.reached(SimpleNamespace()))
        assert isinstance(run.now(two), Reached)
        assert names(run.every(Reached)) == ["head", "one", "two"]

    def test_keeps_a_host_at_its_stage_where_the_work_fails(self, run):
        def work(node, board):
            raise Stop("no")

        two = run.every()[2]
        run.grow("Connect", [two], work)
        assert not isinstance(run.now(two), Reached)
        assert run.failure(two).message == "no"
