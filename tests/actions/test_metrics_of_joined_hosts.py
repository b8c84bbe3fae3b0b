"""Where Prometheus runs, a deploy says what it does not know yet of the hosts that have joined."""

from __future__ import annotations

from tasks.actions import summary
from tasks.phases import operation
from tests.phases.conftest import fleet, world  # noqa: F401

NEW = "  - {host: 10.0.0.4, name: three}\n  - {host: 10.0.0.3"


def joined(fleet, world, metrics: str) -> list[str]:  # noqa: F811
    assert fleet.operate(operation.DEPLOY) == 0
    world["head"].facts["metrics"] = metrics
    fleet.edit("  - {host: 10.0.0.3", NEW)
    assert fleet.operate(operation.DEPLOY, summary.deployed) == 0, fleet.out
    return fleet.lines("Prometheus") + fleet.lines("metrics up")


def test_it_names_them_and_the_command(fleet, world):  # noqa: F811
    note, command = joined(fleet, world, "prometheus")
    assert note == "! Prometheus reads three from now on, but does not know the names yet"
    assert "fab metrics up" in command


def test_nothing_without_prometheus(fleet, world):  # noqa: F811
    assert joined(fleet, world, "") == []


def test_nothing_where_no_host_is_new(fleet, world):  # noqa: F811
    assert fleet.operate(operation.DEPLOY) == 0
    world["head"].facts["metrics"] = "prometheus"
    assert fleet.operate(operation.RESTART, summary.deployed) == 0
    assert fleet.lines("Prometheus") == []
