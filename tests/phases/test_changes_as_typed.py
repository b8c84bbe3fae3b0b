"""drain, maintenance and restart --rolling as they are typed: what is refused before anything is connected."""

from __future__ import annotations

import json

import pytest
from invoke import Exit

from tasks import cluster, maintenance
from tasks.commandline import Mistake
from tasks.phases import operation

ROLLING = {"rolling": True, "yes": True}


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/rayfab"


@pytest.fixture
def do(fleet, world, state, capsys):
    """do(maintenance.drain, host=["one"]) -> status and output."""
    assert fleet.operate(operation.DEPLOY) == 0
    world.forget_titles()

    def call(task, *words, **flags):
        status = 0
        try:
            task.body(None, *words, hosts_file=str(fleet.path), **flags)
        except Mistake as mistake:
            return 2, str(mistake)
        except Exit as end:
            status = end.code
        return status, capsys.readouterr().out

    return call


@pytest.mark.parametrize(
    ("task", "words", "flags", "why"),
    [
        (maintenance.drain, (), {"host": ["head"]}, "--host names the head of lab (head), which has to stay"),
        (maintenance.drain, (), {"host": ["nobody"]}, "nobody"),
        (maintenance.drain, (), {}, "drain needs --host"),
        (
            maintenance.drain,
            (),
            {"host": ["one"], "deadline": "soon"},
            "--deadline: expected a length of time",
        ),
        (maintenance.drain, (), {"host": ["one"], "deadline": "9d"}, "--deadline: at most 7d"),
        (maintenance.maintenance, ("over",), {"host": ["one"]}, "maintenance is on or off, got over"),
        (maintenance.maintenance, ("on",), {"host": ["one"]}, "maintenance on needs --why"),
        (maintenance.maintenance, ("on",), {"host": ["one"], "why": " "}, "maintenance on needs --why"),
        (maintenance.maintenance, ("off",), {"host": ["one"], "why": "x"}, "--why is for maintenance on"),
        (cluster.restart, (), {"batch": "2"}, "--batch is for --rolling"),
        (cluster.restart, (), {"max_failures": "0"}, "--max-failures is for --rolling"),
        (cluster.restart, (), {**ROLLING, "batch": "0"}, "--batch: expected a number of hosts"),
        (cluster.restart, (), {**ROLLING, "canary": "-1"}, "--canary: expected 0-1000"),
        (cluster.restart, (), {**ROLLING, "limit": ["head,one"]}, "--limit names the head of lab"),
    ],
)
def test_mistakes_touch_nothing(do, world, task, words, flags, why):
    status, out = do(task, *words, **flags)
    assert status == 2
    assert why in out
    assert not any(host.titles for host in world.hosts.values())


def test_a_drain_connects_to_the_head_and_the_host_alone(do, world):
    status, out = do(maintenance.drain, host=["one"], deadline="0s")
    assert status == 0, out
    assert not world["one"].active
    assert world["two"].titles == []


def test_work_is_asked_for(do, world):
    world.work = [{"actor": "counter", "detached": True, "moves": True, "ip": "10.0.0.2"}]
    status, out = do(maintenance.maintenance, "on", host=["one"], why="fan")
    assert status == 2
    assert "maintenance would end running work, and there is no terminal to ask on" in out
    assert do(maintenance.maintenance, "on", host=["one"], why="fan", yes=True)[0] == 0
    assert json.loads(world["one"].hold)["why"] == "fan"
    status, out = do(maintenance.maintenance, "off", host=["one"])
    assert status == 0, out
    assert world["one"].active


def test_a_rolling_restart_keeps_its_progress_until_it_ends(do, world, state):
    world["two"].reachable = False
    status, out = do(cluster.restart, **ROLLING)
    assert status == 1
    assert "failed: two, more than --max-failures 0: 1 host not restarted" in out
    assert world["one"].active
    status, out = do(cluster.restart, **ROLLING, max_failures="1")
    assert status == 1
    assert json.loads((state / "rolling-lab.json").read_text())["done"] == ["one"]
    world["two"].reachable = True
    world.forget_titles()
    status, out = do(cluster.restart, **ROLLING)
    assert status == 0, out
    assert "start the worker" not in world["one"].titles
    assert not (state / "rolling-lab.json").exists()
