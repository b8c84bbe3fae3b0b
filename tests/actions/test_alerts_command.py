"""`fab alerts` and `fab metrics` over made-up hosts: what is asked, what is said, and who is told."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest

from tasks.actions import alerts, cli, metrics
from tasks.commandline import Mistake
from tasks.node.series import parse_samples
from tasks.phases import operation
from tasks.run.metrics import scraped
from tests.actions.test_notify import PATH, server  # noqa: F401
from tests.phases.conftest import fleet, world  # noqa: F401
from tests.phases.world import said

TOP = Path(__file__).parents[2]
LINES = (TOP / "tests/node/series/ray-2.60.0.txt").read_text().splitlines()
FULL = [line.rpartition(" ")[0] + " 97" if "disk_util" in line else line for line in LINES]


def schema(name: str):
    return json.loads((TOP / "schemas" / f"{name}.json").read_text())


@pytest.fixture
def fab(fleet, world, monkeypatch, capsys):  # noqa: F811
    """fab(*arguments of alerts.once): the exit status and what is printed, on a cluster that is deployed."""
    assert fleet.operate(operation.DEPLOY) == 0

    def new_run(hosts_file, what, *, console, **more):
        run = fleet.make(what)
        run.console = console
        return run

    monkeypatch.setattr(cli, "new_run", new_run)

    def answered(**lines):
        answers = [json.dumps({"name": name, "lines": text}) for name, text in lines.items()]
        world["head"].replies["read metrics"] = said([], {"answer": answers})

    def do(hook=None, json_=False):
        code = alerts.once(None, hook, json_, False)
        return code, capsys.readouterr()

    do.answered = answered
    answered(head=LINES, one=LINES, two=LINES)
    return do


def test_a_quiet_cluster_ends_with_0(fab):
    code, out = fab()
    assert code == 0
    assert "✓ no alert: 3 hosts asked" in out.out


def test_a_full_disk_ends_with_1_and_names_what_helps(fab):
    fab.answered(head=LINES, one=FULL, two=FULL)
    code, out = fab()
    assert code == 1
    assert "RayDiskFull: one, two: the disk is 97 % full" in out.out
    assert "fab disk" in out.out


def test_a_host_that_is_away_fires_though_nobody_reads_its_metrics(fab, world):  # noqa: F811
    world["two"].reachable = False
    fab.answered(head=LINES, one=LINES)
    code, out = fab(json_=True)
    assert code == 1
    found = json.loads(out.out)
    jsonschema.validate(found, schema("alerts"))
    assert [(one["alert"], one["host"]) for one in found["firing"]] == [("RayNodeAway", "two")]


def test_metrics_that_are_not_there_are_no_silence(fab):
    fab.answered(head=LINES, one=LINES)
    code, out = fab(json_=True)
    assert code == 1
    (fired,) = json.loads(out.out)["firing"]
    assert (fired["host"], fired["message"]) == ("two", "its metrics do not answer: the head did not say")


def test_what_fires_is_posted_and_nothing_else(fab, server):  # noqa: F811
    assert fab("env:HOOK_URL")[0] == 0
    assert server.got == []
    fab.answered(head=LINES, one=FULL, two=LINES)
    code, _ = fab("env:HOOK_URL")
    assert code == 1
    ((path, kind, body),) = server.got
    assert (path, kind) == (PATH, "application/json")
    jsonschema.validate(body, schema("alerts"))
    assert body["text"].startswith("lab: RayDiskFull: one: the disk is 97 % full")


def test_a_webhook_that_fails_is_said_without_its_address(fab, server):  # noqa: F811
    server.status = 500
    fab.answered(head=LINES, one=FULL, two=LINES)
    code, out = fab("env:HOOK_URL")
    assert code == 1
    assert "nobody was told: the server answered 500" in out.out
    assert "T0-secret" not in out.out + out.err


@pytest.mark.parametrize("value", ["https://hooks.example/T0-secret", "env:NOBODY_SET_THIS"])
def test_a_webhook_is_a_variable_that_is_set(value):
    """A URL in an argument could be read by every user of the machine; it is not printed either."""
    with pytest.raises(Mistake) as caught:
        alerts.webhook(value)
    assert "T0-secret" not in str(caught.value)
    assert "env:" in str(caught.value)


class TestArchives:
    def test_one_with_the_right_sum_is_taken(self, tmp_path):
        path = tmp_path / "p@1.tar.gz"
        path.write_bytes(b"x")
        found = metrics.archive("--grafana", f"{path}@sha256:{hashlib.sha256(b'x').hexdigest().upper()}")
        assert found == path

    @pytest.mark.parametrize("end", ["", "@sha256:", f"@sha256:{'0' * 64}", "@sha512:00"])
    def test_without_the_right_sum_it_is_refused(self, tmp_path, end):
        path = tmp_path / "p.tar.gz"
        path.write_bytes(b"x")
        with pytest.raises(Mistake):
            metrics.archive("--grafana", f"{path}{end}")

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(Mistake, match="No such file"):
            metrics.archive("--prometheus", f"{tmp_path}/none@sha256:{'0' * 64}")

    def test_none_is_none(self):
        assert metrics.archive("--grafana", None) is None


def test_prometheus_reads_the_ports_of_the_hosts_file(fleet):  # noqa: F811
    assert fleet.operate(operation.DEPLOY) == 0
    assert fleet.operate(operation.FACTS) == 0
    assert [(one.name, one.role, one.address) for one in scraped(fleet.run)] == [
        ("head", "head", "10.0.0.1:20004"),
        ("one", "worker", "10.0.0.2:20004"),
        ("two", "worker", "10.0.0.3:20004"),
    ]


def test_the_lines_are_those_of_a_real_ray():
    assert len(parse_samples(LINES)) == len(LINES) > 10
