"""`fab metrics up --here` over made-up hosts: this machine is one more host; the head is asked for its dashboards."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import pytest

from tasks.node import metrics
from tasks.phases import metrics as steps
from tasks.phases import operation
from tasks.run import metrics as places
from tests.phases.conftest import fleet, world  # noqa: F401
from tests.phases.world import said


@pytest.fixture
def here(fleet, world, monkeypatch):  # noqa: F811
    """This machine, and a cluster that is deployed on others."""
    machine = world.add("this machine", "localhost")
    monkeypatch.setattr(places, "connect", world.connect)
    assert fleet.operate(operation.DEPLOY) == 0
    world.forget_titles()
    world["head"].replies["read Ray's dashboards"] = said([], {"board:default.json": ["{", "}"]})
    return machine


def up(fleet, answers):  # noqa: F811
    return fleet.operate((*operation.HOLD, steps.put_up({}, answers, here=True)))


def test_it_runs_here_and_the_head_gives_its_dashboards(fleet, world, here):  # noqa: F811
    here.replies["start Prometheus"] = said([("prometheus", "2.42.0")])
    answers = []
    assert up(fleet, answers) == 0, fleet.out
    assert answers[0].values["prometheus"] == "2.42.0"
    assert "start Prometheus" in here.titles and "start Prometheus" not in world["head"].titles
    data = here.files[metrics.ARCHIVE.format(metrics.BOARDS)]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.extractfile("default.json").read() == b"{\n}"


def test_a_failure_here_is_that_of_the_command(fleet, world, here):  # noqa: F811
    in_use = "port 9090 of 127.0.0.1 is in use on this host"
    here.replies["start Prometheus"] = replace(said(), ok=False, status=1, error=in_use, hint="another one")
    assert up(fleet, []) == 1
    assert fleet.lines("on this machine: port 9090 of 127.0.0.1 is in use"), fleet.out


def test_a_failure_of_the_head_is_not_said_of_this_machine(fleet, world, here):  # noqa: F811
    away = replace(said(), ok=False, status=1, error="its home is gone", hint="mount it")
    world["head"].replies["read Ray's dashboards"] = away
    assert up(fleet, []) == 1
    assert fleet.lines("its home is gone") and not fleet.lines("on this machine"), fleet.out


def test_it_is_removed_here_alone(fleet, world, here):  # noqa: F811
    here.replies["remove Prometheus"] = said([("changed", "1")])
    assert fleet.operate((*operation.HOLD, steps.take_down(here=True))) == 0
    assert "remove Prometheus" in here.titles and "remove Prometheus" not in world["head"].titles


def test_what_is_asked_is_this_machine(fleet, world, here):  # noqa: F811
    world["head"].facts["metrics"] = "prometheus"
    found = {}
    fleet.operate((*operation.FACTS, operation.need_head, steps.ask_prometheus(found, here=True)))
    assert (found["parts"], found["problem"]) == ((), "Prometheus is not there")


def test_where_this_machine_is_the_head_there_is_nothing_to_choose(fleet, world, here):  # noqa: F811
    fleet.edit("host: 10.0.0.1", "host: 10.0.0.1, connection: local")
    assert up(fleet, []) == 1
    assert fleet.lines("this machine is the head"), fleet.out
