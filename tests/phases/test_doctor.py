"""The doctor's steps on made-up hosts: what is asked of whom, and what follows."""

from __future__ import annotations

import json
import re
import time

import pytest

from tasks.actions import doctor as action
from tasks.phases import doctor as steps
from tasks.phases import operation
from tasks.phases.read_status import read_status
from tasks.plan.burned import Part
from tasks.plan.outcomes import FAIL, SKIP, WARN, merged
from tasks.report import doctor as report
from tasks.run.doctor import Found
from tests.phases.world import said, value


@pytest.fixture
def doctor(fleet, world):
    """Runs it; what was found is in ``doctor.found``."""

    class Doctor:
        def __call__(self, *, full=False, fix=False, limit=None) -> int:
            self.found = Found()
            begin = operation.LOCKED_FACTS if fix else operation.FACTS
            work = [
                *begin,
                steps.look_closer(self.found),
                steps.connect(self.found, full=full),
                steps.measure_speed(self.found, full=full),
                read_status,
                steps.judge(self.found),
                *([steps.repair(self.found)] if fix else []),
            ]
            return fleet.operate(work, limit=limit, report=False)

        def bad(self):
            return {
                (one.nodes, one.check): one.message
                for one in merged(self.found.outcomes)
                if one.result in (FAIL, WARN)
            }

    for host in world.hosts.values():
        healthy(host)
    return Doctor()


def healthy(host, skew=0.0, **more) -> None:
    def answer(script):
        host.step(f"clock {time.time() + skew:.3f}")
        values = {"python": "python3", "own_address": host.address, **more}
        return said(list(values.items()), {"memory": ["MemTotal: 8000 kB", "MemAvailable: 6000 kB"]})

    host.replies["look closer"] = answer
    host.replies["measure the speed"] = lambda script: said(
        [("speed", "100000000 120")] if value(script, "TARGET") else []
    )


def test_good_hosts_pass_before_a_deploy(fleet, doctor):
    assert doctor() == 0, fleet.out
    assert doctor.bad() == {}
    assert len(doctor.found.tried.pairs) == 6
    assert len(doctor.found.speeds) == 6


def test_nothing_is_changed(fleet, world, doctor):
    """Also in a dry run everything but a repair runs: no script declares a change."""
    found = Found()
    work = [*operation.FACTS, steps.look_closer(found), steps.connect(found, full=True)]
    assert fleet.operate([*work, steps.measure_speed(found, full=True)], dry_run=True) == 0, fleet.out
    assert found.speeds


def test_a_closed_port_a_clock_and_a_host_that_is_away(fleet, world, doctor):
    world["head"].closed["one"] = "timeout"
    world["one"].firewall = "ufw"
    healthy(world["two"], skew=-50.0)
    assert doctor() == 0
    found = doctor.bad()
    assert found[(("one",), "ports")].startswith("head cannot reach one:10002,20000-20001: timed out")
    assert found[(("two",), "clock")].startswith("-50 s from the median")
    (hint,) = {one.hint for one in doctor.found.outcomes if one.check == "ports" and one.hint}
    assert hint.startswith("sudo ufw allow proto tcp from 10.0.0.1 to any port ")
    # what is closed is not measured
    assert ("head", "one") not in {(one.source, one.target) for one in doctor.found.speeds}

    world["two"].reachable = False
    assert doctor() == 1
    assert "timed out after 10 s" in doctor.bad()[(("two",), "connection")]


def test_a_host_without_python_says_what_was_not_tried(world, doctor):
    host = world["one"]
    healthy(host, python="")
    host.replies["try the ports between the hosts"] = lambda script: said(
        [("reach", f"{name} {port} open") for name, _, port, _ in ()]
    )
    doctor()
    skipped = {one.check: one.message for one in doctor.found.outcomes if one.result == SKIP}
    assert skipped["ports"] == "there is no Python to listen with, so only what already listens was tried"
    assert skipped["bandwidth"] == "there is no Python to measure with"


def test_with_a_limit_the_others_are_left_alone_but_the_head(world, doctor):
    doctor(limit=["one"])
    assert set(doctor.found.patients) == {"head", "one"}
    assert "look closer" not in world["two"].titles


class TestRepair:
    @pytest.fixture
    def late(self, world, doctor):
        healthy(world["two"], skew=90.0)
        return world["two"]

    def test_what_is_safe_is_done_and_said(self, fleet, late, doctor):
        late.replies["repair"] = said([("fixed", "clock ok")])
        assert doctor(fix=True) == 0
        assert doctor.found.repaired == [("two", "NTP switched on", "")]
        assert fleet.done()[2] == ["NTP switched on"]

    def test_what_could_not_be_done_is_said(self, fleet, late, doctor):
        late.replies["repair"] = said([("fixed", "clock there is no timedatectl")])
        doctor(fix=True)
        assert doctor.found.repaired == [("two", "NTP switched on", "there is no timedatectl")]
        assert fleet.done()[2] == []

    def test_nothing_is_repaired_without_the_flag(self, late, doctor):
        doctor()
        assert "repair" not in late.titles

    def test_the_cluster_is_locked_for_it(self, world, late, doctor):
        late.replies["repair"] = said([("fixed", "clock ok")])
        world.held_by = "somebody"
        assert doctor(fix=True) == 3
        assert "repair" not in late.titles


def test_a_burn_in_compares_the_hosts(fleet, world, doctor):
    for name, rate in (("head", 1000), ("one", 990), ("two", 500)):
        world[name].replies["load the host"] = said([("burn", f"cpu {rate}.00 MiB/s 0")])
    found = Found()
    work = [*operation.FACTS, steps.look_closer(found), steps.connect(found, full=False)]
    assert fleet.operate([*work, steps.burn(found, 40, None)]) == 0, fleet.out
    assert found.burned["two"][0] == Part("cpu", 500.0, "MiB/s")
    assert {one.part for one in found.burned["one"]} == {"cpu", "network-out", "network-in"}
    slow = [one for one in action.judge_burned(found.burned) if one.result == WARN]
    assert [(one.nodes, one.check) for one in slow] == [(("two",), "cpu")]


def test_the_json_is_what_the_schema_says(fleet, world, doctor):
    world["head"].closed["one"] = "timeout"
    doctor()
    text = action._report(fleet.run, doctor.found).model_dump_json()
    report.Report.model_validate(json.loads(text), strict=True)
    data = json.loads(text)
    assert (data["version"], data["ok"]) == (1, False)
    assert {"source": "head", "target": "one", "port": 20001, "result": "timeout", "listens": False} in [
        {**one, "listens": False} for one in data["connections"]
    ]
    assert set(data) == set(report.schema()["properties"])


def test_the_table_names_each_fix_once(fleet, world, doctor):
    for name in ("one", "two"):
        world["head"].closed[name] = "timeout"
        world[name].firewall = "ufw"
    doctor()
    action._show(fleet.run, doctor.found, action._report(fleet.run, doctor.found))
    out = fleet._file.getvalue()
    assert re.search(r"one,two +ports +fail +head cannot reach one,two:10002,20000-20001: timed out", out)
    assert out.count("sudo ufw allow") == 1
    assert "✗ 1 failed, 0 warnings on 3 hosts" in out
