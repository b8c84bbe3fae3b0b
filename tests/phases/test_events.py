"""The lines of ``--events``: each fits the published schema, and together they tell what happened."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import pytest
from invoke import Exit
from referencing import Registry, Resource

from tasks import cluster
from tasks.phases import operation
from tasks.report import events
from tests.phases.world import refused

FOLDER = Path(__file__).parents[2] / "schemas"
SCHEMA = json.loads((FOLDER / "events.json").read_text("utf-8"))
KINDS = SCHEMA["properties"]["event"]["enum"]


def beside(name: str) -> Resource:
    return Resource.from_contents(json.loads((FOLDER / name).read_text("utf-8")))


VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, registry=Registry(retrieve=beside))


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(events, "_stream", events._Stream())
    path = tmp_path / "events.jsonl"
    events.use(str(path))
    return path


def lines(path: Path) -> list[dict]:
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for one in found:
        VALIDATOR.validate(one)
    return found


def test_a_deploy_from_its_beginning_to_its_result(fleet, file):
    assert fleet.operate(operation.DEPLOY) == 0
    found = lines(file)
    assert found[0]["event"] == "begun"
    assert found[0]["hosts"] == ["head", "one", "two"]
    assert found[-1]["event"] == "result"
    assert (found[-1]["status"], found[-1]["outcome"]) == (0, "ok")
    assert found[-1]["hosts"][1] == {
        "host": "one",
        "role": "worker",
        "did": ["installed", "started"],
        "error": None,
    }
    assert len({one["run"] for one in found}) == 1


def test_each_kind_has_its_own_keys_and_no_others(fleet, world, file):
    """Those of real runs: with a key more, a key less, or as another kind they do not fit."""
    world["one"].replies["install Ray with uv"] = refused("no space left", "free some")
    assert fleet.operate(operation.DEPLOY) == 1
    with pytest.raises(Exit):
        cluster.status_task.body(None, hosts_file=str(fleet.path), json=True)
    found = {one["event"]: one for one in lines(file)}
    assert set(found) == set(KINDS)
    VALIDATOR.check_schema(SCHEMA)
    for kind, one in found.items():
        assert not VALIDATOR.is_valid({**one, "more": 1})
        for key in one:
            assert not VALIDATOR.is_valid({name: value for name, value in one.items() if name != key}), key
        for other in KINDS:
            assert VALIDATOR.is_valid({**one, "event": other}) is (other == kind)


@pytest.mark.parametrize(
    "event, path",
    [
        ("host_ended", ["error"]),
        ("result", ["hosts", 0]),
        ("result", ["hosts", 1, "error"]),
        ("status", ["status"]),
        ("status", ["status", "nodes", 0]),
    ],
)
def test_the_objects_in_them_are_as_strict(fleet, world, file, event, path):
    world["one"].replies["install Ray with uv"] = refused("no space left", "free some")
    fleet.operate(operation.DEPLOY)
    with pytest.raises(Exit):
        cluster.status_task.body(None, hosts_file=str(fleet.path), json=True)
    kind = [one for one in lines(file) if one["event"] == event]
    whole = next((one for one in kind if one.get("error")), kind[0])
    part = whole
    for key in path:
        part = part[key]
    part["more"] = 1
    assert not VALIDATOR.is_valid(whole)


def test_each_host_begins_and_ends_each_step(fleet, file):
    fleet.operate(operation.DEPLOY)
    found = lines(file)
    for step in (one for one in found if one["event"] == "step_begun"):
        same = [one for one in found if one.get("step") == step["step"] and "host" in one]
        begun = {one["host"] for one in same if one["event"] == "host_begun"}
        ended = {one["host"] for one in same if one["event"] == "host_ended"}
        assert begun == ended == set(step["hosts"])


def test_the_failure_of_a_host_with_its_fix(fleet, world, file):
    world["one"].replies["install Ray with uv"] = refused("no space left", "free some")
    assert fleet.operate(operation.DEPLOY) == 1
    found = lines(file)
    (ended,) = [one for one in found if one["event"] == "host_ended" and one["error"]]
    assert (ended["host"], ended["error"]) == ("one", {"message": "no space left", "hint": "free some"})
    assert [one["failed"] for one in found if one["event"] == "step_ended" and one["failed"]] == [["one"]]
    assert found[-1]["hosts"][1]["error"]["message"] == "no space left"


def test_why_a_run_ended_early(fleet, world, file):
    world.held_by = "bob@desk since today: stop"
    assert fleet.operate(operation.DEPLOY) == 3
    assert lines(file)[-1]["outcome"] == "locked"
    assert "bob@desk" in lines(file)[-1]["error"]["message"]


def test_several_runs_share_a_file(fleet, file):
    fleet.operate(operation.DEPLOY)
    count = len(lines(file))
    events.use(str(file))
    fleet.operate(operation.DEPLOY)
    assert len(lines(file)) > count
    assert len({one["run"] for one in lines(file)}) == 2


def test_to_standard_output_all_else_goes_to_stderr(fleet, monkeypatch, capsys):
    monkeypatch.setattr(events, "_stream", events._Stream())
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    events.use("-")
    print("a person reads this")
    events.emit("begun", command="x", cluster="lab", hosts=[])
    said = capsys.readouterr()
    assert json.loads(said.out)["command"] == "x"
    assert said.err == "a person reads this\n"


def test_a_full_disk_is_a_note_and_no_failure(fleet, monkeypatch):
    monkeypatch.setattr(events, "_stream", events._Stream())
    events.use("/dev/full")
    assert fleet.operate(operation.DEPLOY) == 0
    assert fleet.lines("--events") == ["! --events: No space left on device, so the file is not complete"]
    events._stream.out = None
