"""What commands print with ``--json``, against the published schemas in schemas/."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import jsonschema
import pytest
from invoke import Exit

from fabfile import ns
from tasks.actions.plan import CHANGES, as_data
from tasks.inventory.selection import STATES
from tasks.phases import metrics as metrics_steps
from tasks.phases import operation
from tasks.report import doctor as report
from tasks.run.status import as_json
from tests.phases.test_doctor import healthy
from tests.phases.world import said

FOLDER = Path(__file__).parents[2] / "schemas"
# of what is no output of --json: the lines of --events, and about.json in the archive of collect
OTHERS = {"events", "collect"}
EXIT = ["2026-01-02 03:04:05|  raylet [exit code=-9 (signal 9)]"]


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def schema(name: str) -> dict:
    found = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    jsonschema.validators.validator_for(found).check_schema(found)
    return found


def check(name: str, output: dict) -> None:
    jsonschema.validate(json.loads(json.dumps(output)), schema(name))


@pytest.fixture
def do(fleet, capsys):
    """do(name of a task, *words, **flags): the exit status, and what it printed with --json, which is checked."""

    def call(task: str, *words, **flags) -> tuple[int, dict]:
        status = 0
        try:
            ns[task].body(None, *words, hosts_file=str(fleet.path), json=True, **flags)
        except Exit as end:
            status = end.code
        found = json.loads(capsys.readouterr().out)
        check(task, found)
        return status, found

    return call


PUBLISHED = sorted(path.stem for path in FOLDER.glob("*.json"))


def test_each_task_with_json_has_a_schema():
    tasks = {name for name in ns.task_names if "json" in ns[name].argspec(ns[name].body).parameters}
    assert tasks == set(PUBLISHED) - OTHERS


def loose(part: object) -> list[object]:
    """The objects of a schema that take any key."""
    if isinstance(part, list):
        return [one for value in part for one in loose(value)]
    if not isinstance(part, dict):
        return []
    own = [part] if "properties" in part and part.get("additionalProperties") is not False else []
    return own + [one for value in part.values() for one in loose(value)]


@pytest.mark.parametrize("name", sorted(set(PUBLISHED) - {"events"}))
def test_a_schema_refuses_what_lacks_a_key_or_has_another(name):
    with pytest.raises(jsonschema.ValidationError):
        check(name, {"cluster": "lab"})
    assert loose(schema(name)) == []


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

    def test_its_exit_status_tells_changes_from_none(self, fleet, do):
        before, found = do("plan", exit_code=True)
        assert (before, found["changes"]) == (CHANGES, True) and CHANGES == 4
        assert do("plan")[0] == 0
        assert fleet.operate(operation.DEPLOY) == 0
        after, found = do("plan", exit_code=True)
        assert (after, found["changes"]) == (0, False)

    def test_a_failure_keeps_its_own_status(self, fleet, world, do, capsys):
        """There are changes as well, on the hosts that could be planned."""
        world["one"].reachable = False
        status, found = do("plan", exit_code=True)
        assert (status, found["changes"]) == (1, True)
        fleet.write(fleet.path.read_text() + "mirrors: {ca: none.pem}\n")
        assert do("plan", exit_code=True)[0] == 2
        fleet.path.write_text("cluster: [")
        with pytest.raises(Exit) as ended:
            ns["plan"].body(None, hosts_file=str(fleet.path), exit_code=True)
        assert ended.value.code == 2 and capsys.readouterr().out


class TestCheck:
    def rows(self, found: dict, host: str | None) -> dict[str, str]:
        return {one["check"]: one["result"] for one in found["results"] if one["host"] == host}

    def test_of_good_hosts(self, do):
        status, found = do("check")
        assert (status, found["ready"]) == (0, True)
        assert self.rows(found, None) == {"hosts-file": "pass", "files": "pass"}
        for name in ("head", "one", "two"):
            assert set(self.rows(found, name).values()) == {"pass"}
            assert list(self.rows(found, name)) == ["connection", "host", "runtime", "versions", "ports"]

    def test_of_a_host_that_is_away_one_that_is_wrong_and_one_that_is_closed(self, fleet, world, do):
        fleet.edit("  - {host: 10.0.0.3", "  - {host: 10.0.0.4, name: three}\n  - {host: 10.0.0.3")
        world["one"].reachable = False
        world["two"].facts["home_writable"] = ""
        world["three"].closed["head"] = "timeout"
        status, found = do("check")
        assert (status, found["ready"]) == (1, False)
        assert set(self.rows(found, "head").values()) == {"pass"}
        rest = ["host", "runtime", "versions", "ports"]
        assert self.rows(found, "one") == {"connection": "fail", **dict.fromkeys(rest, "skip")}
        assert self.rows(found, "two") == {
            "connection": "pass",
            "host": "fail",
            **dict.fromkeys(rest[1:], "skip"),
        }
        assert self.rows(found, "three")["ports"] == "fail"
        failed = [one for one in found["results"] if one["result"] == "fail"]
        assert all(one["hint"] for one in failed)
        assert "the home folder /root is not writable" in [one["message"] for one in failed]

    def test_of_a_head_that_ends_the_check(self, world, do):
        world["head"].facts["home_writable"] = ""
        status, found = do("check")
        assert (status, found["ready"]) == (1, False)
        assert self.rows(found, None)["host"] == "fail"
        assert self.rows(found, "head")["host"] == "fail"
        assert self.rows(found, "one") == {
            "connection": "pass",
            **dict.fromkeys(["host", "runtime", "versions", "ports"], "skip"),
        }

    def test_of_the_hosts_of_a_limit(self, do):
        found = do("check", limit=["two"])[1]
        assert {one["host"] for one in found["results"]} == {None, "two"}

    def test_a_warning_is_no_failure(self, world, do):
        own = world["one"]._facts

        def facts(script):
            found = own(script)
            found.texts = {**found.texts, "sudo_says": ["sudo: unable to resolve host node1: Name unknown"]}
            return found

        world["one"].replies["gather facts"] = facts
        warned = {"host": "one", "check": "host", "result": "warn"}
        status, found = do("check")
        rows = [{key: one[key] for key in warned} for one in found["results"]]
        assert (status, found["ready"]) == (0, True) and warned in rows

    def test_a_host_in_maintenance_is_left_alone(self, fleet, world, do):
        assert fleet.operate(operation.DEPLOY) == 0
        world["one"].hold = json.dumps({"kind": "maintenance", "who": "me@desk", "since": 0})
        status, found = do("check")
        skipped = dict.fromkeys(["host", "runtime", "versions", "ports"], "skip")
        assert status == 0 and self.rows(found, "one") == {"connection": "pass", **skipped}

    def test_a_host_without_python_is_warned_of_and_does_not_pass(self, world, do):
        world["one"].replies["try the ports between the hosts"] = said()
        status, found = do("check")
        assert (status, self.rows(found, "one")["ports"]) == (0, "warn")
        assert self.rows(found, "two")["ports"] == "pass"

    def test_of_a_hosts_file_with_mistakes_and_of_a_file_that_is_not_there(self, fleet, do):
        good = fleet.path.read_text()
        fleet.path.write_text(good + "colour: red\nruntime: none\n")
        status, found = do("check")
        assert (status, found["cluster"], found["ready"]) == (2, None, False)
        assert [one["message"].rpartition("hosts.yml")[2][:3] for one in found["results"]] == [":7:", ":8:"]
        fleet.path.write_text(good + "mirrors: {ca: none.pem}\n")
        status, found = do("check")
        assert status == 2 and self.rows(found, None) == {"hosts-file": "pass", "files": "fail"}


class TestDoctor:
    def test_its_schema_is_what_it_prints_with_schema(self):
        assert schema("doctor") == report.schema()

    def test_of_hosts_with_a_failure(self, world, do):
        for host in world.hosts.values():
            healthy(host)
        assert do("doctor")[1]["ok"]
        world["head"].closed["one"] = "timeout"
        status, found = do("doctor")
        assert (status, found["ok"]) == (1, False)
        assert found["connections"] and found["speeds"]

    def test_of_a_burn_in(self, world, do):
        for host in world.hosts.values():
            healthy(host)
            host.replies["load the host"] = said([("burn", "cpu 1000.00 MiB/s 0")])
        assert do("doctor", burn_in="20s")[1]["burn_in"]


def test_errors_of_logs(world, do):
    for name in ("head", "one"):
        world[name].replies["read logs"] = said([], {"log:ray_process_exit.log": EXIT})
    world["two"].replies["read logs"] = said()
    status, found = do("logs", errors=True)
    assert status == 0 and found["errors"][0]["hosts"] == {"head": 1, "one": 1}


def test_history_with_a_run_that_was_cut_off(fleet, world, do, capsys):
    ns["deploy-cluster"].body(None, hosts_file=str(fleet.path))
    capsys.readouterr()
    cut = {"format": 1, "id": "0123456789ab", "when": "2026-01-02 03:04:05 UTC", "who": "bob", "from": "desk"}
    cut |= {"command": "fab upgrade", "hosts": [], "did": {}, "failed": {}, "status": None}
    cut |= {"result": "cut off", "seconds": None}
    world["head"].replies["read the history"] = said([], {"history": [json.dumps(cut)]})
    _, found = do("history")
    assert [one["result"] for one in found["entries"]] == ["cut off", "done"] and found["head_asked"]


def test_disk(world, do):
    free = ["ray 1000 2000", "spill 1000 2000", "home 5 10"]
    sizes = {"item": ["logs used 12 /tmp/ray/a", "images old 7 sha256:1"], "free": free}
    for name in ("head", "one"):
        world[name].replies["measure what takes up space"] = said([], sizes)
    world["one"].replies["measure what takes up space"] = said([("unread", "no rights")], sizes)
    world["two"].reachable = False
    status, found = do("disk")
    assert status == 1
    assert [one["logs"] for one in found["hosts"]] == [12, 12, None]
    assert [bool(one["problem"]) for one in found["hosts"]] == [False, True, True]


@pytest.mark.parametrize("there", [True, False])
def test_metrics(fleet, world, do, monkeypatch, there):
    def ask(found, here):
        def work(run):
            found.update(
                {"prometheus": None, "grafana": None, "targets": {}, "alerts": [], "problem": "away"}
            )
            found.update({"parts": ("prometheus",), "log": "/root/.rayfab/lab/metrics/prometheus.log"})
            if there:
                target = {"health": "up", "error": "", "last": "2026-01-02T03:04:05Z"}
                found.update({"prometheus": "2.42.0", "targets": {"10.0.0.1:20004": target}, "problem": None})
                found["alerts"] = [{"alertname": "RayDiskFull", "host": "one"}]

        return metrics_steps.Step("Ask Prometheus", work)

    assert fleet.operate(operation.DEPLOY) == 0
    monkeypatch.setattr(metrics_steps, "ask_prometheus", ask)
    status, found = do("metrics", "status")
    assert status == 1 and [one["scraped"] for one in found["hosts"]] == [there, False, False]


def test_about_and_status_in_what_is_collected(fleet, world, tmp_path):
    for host in world.hosts.values():
        host.replies["measure the logs"] = said([("bytes", "2048")])
        host.replies["collect"] = said([("clock", "0")], {"system:df": ["Filesystem"]})
    world["two"].reachable = False
    file = tmp_path / "out.tar.gz"
    with pytest.raises(Exit):
        ns["collect"].body(None, hosts_file=str(fleet.path), output=str(file))
    with tarfile.open(file) as tar:
        about, status = (json.load(tar.extractfile(f"out/{name}.json")) for name in ("about", "status"))
    check("collect", about)
    check("status", status)
    assert list(about["not_reached"]) == ["two"]


def test_version(capsys):
    ns["version"].body(None, json=True)
    check("version", json.loads(capsys.readouterr().out))
