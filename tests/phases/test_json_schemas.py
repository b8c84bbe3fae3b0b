"""What commands print with ``--json``, against the published schemas in docs/reference/json."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from fabfile import ns
from tasks.actions.plan import as_data
from tasks.inventory.selection import STATES
from tasks.phases import operation
from tasks.run.status import as_json

FOLDER = Path(__file__).parents[2] / "docs/reference/json"
# tasks with --json whose output has no published schema yet
WITHOUT = {"alerts", "disk", "doctor", "history", "jobs", "logs", "metrics", "version"}


def schema(name: str) -> dict:
    found = json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))
    jsonschema.Draft7Validator.check_schema(found)
    return found


def check(name: str, output: dict) -> None:
    jsonschema.Draft7Validator(schema(name)).validate(json.loads(json.dumps(output)))


def test_each_task_with_json_has_a_schema_or_is_known_to_lack_one():
    tasks = {name for name in ns.task_names if "json" in ns[name].argspec(ns[name].body).parameters}
    published = {path.name.partition(".")[0] for path in FOLDER.glob("*.schema.json")}
    assert published <= tasks and not published & WITHOUT
    assert tasks - published <= WITHOUT


@pytest.mark.parametrize("name", ["status", "plan"])
def test_a_schema_refuses_what_lacks_a_key(name):
    with pytest.raises(jsonschema.ValidationError):
        check(name, {"cluster": "lab"})


class TestStatus:
    def test_of_a_cluster_and_of_one_with_a_host_away(self, fleet, world):
        fleet.operate(operation.STATUS, report=False)
        check("status", as_json(fleet.run))
        assert fleet.operate(operation.DEPLOY) == 0
        fleet.operate(operation.STATUS, report=False)
        check("status", as_json(fleet.run))
        world["one"].reachable = False
        fleet.operate(operation.STATUS, report=False)
        check("status", as_json(fleet.run))

    def test_its_states_are_those_of_limit(self):
        node = schema("status")["properties"]["nodes"]["items"]
        states = node["properties"]["state"]["enum"]
        assert set(states) == {*STATES} - {"alive", "down"} | {"stranger"}


class TestPlan:
    def planned(self, fleet, **more) -> dict:
        fleet.operate(operation.PREPARE, dry_run=True, **more)
        found = as_data(fleet.run)
        check("plan", found)
        return found

    def test_before_and_after_a_deploy(self, fleet):
        found = self.planned(fleet)
        assert found["changes"] and all(host["install"] and host["start"] for host in found["hosts"])
        assert fleet.operate(operation.DEPLOY) == 0
        found = self.planned(fleet)
        assert not found["changes"] and {host["changes"] for host in found["hosts"]} == {False}

    def test_an_argument_that_differs_is_named_with_both_values(self, fleet):
        assert fleet.operate(operation.DEPLOY) == 0
        fleet.edit("cluster: lab", "cluster: lab\nray: {ports: {object_manager: 20100}}")
        found = self.planned(fleet)
        assert found["changes"]
        assert any("20001 -> 20100" in why for host in found["hosts"] for why in host["why"])

    def test_a_host_that_is_away_and_those_outside_of_limit(self, fleet, world):
        world["one"].reachable = False
        found = self.planned(fleet)
        (away,) = [host for host in found["hosts"] if host["name"] == "one"]
        assert away["changes"] is None and away["problem"]
        assert [host["name"] for host in self.planned(fleet, limit=["one"])["hosts"]] == ["one"]
