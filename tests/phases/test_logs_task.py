"""fab logs as it is typed: which flags go together, and what it shows of failures."""

from __future__ import annotations

import json

import pytest
from invoke import Exit

from tasks import logs as tasks
from tasks.actions.logs import seconds_ago
from tests.phases.world import said, value

EXIT = ["2026-01-02 03:04:05|  raylet [exit code=-9 (signal 9)]"]


@pytest.fixture
def do(fleet, capsys):
    def call(**flags):
        status = 0
        try:
            tasks.logs.body(None, hosts_file=str(fleet.path), **flags)
        except Exit as end:
            status = end.code
        out = capsys.readouterr()
        return status, out.out, out.err

    return call


def replies(world, reply):
    for host in world.hosts.values():
        host.replies["read logs"] = reply


def test_errors_of_all_hosts_once_with_their_count(world, do):
    replies(world, said([], {"log:ray_process_exit.log": EXIT * 2}))
    status, out, _ = do(errors=True, json=True)
    (one,) = json.loads(out)["errors"]
    assert status == 0 and one["count"] == 6 and one["hosts"] == {"head": 2, "one": 2, "two": 2}
    assert (one["kind"], one["text"]) == ("ended", "raylet ended with -9 (signal 9)")


def test_no_errors_are_said(world, do):
    replies(world, said())
    assert "no traceback" in do(errors=True)[1]


def test_what_helps_stands_below_the_table(world, do):
    replies(world, said([], {"log:worker-1.err": ["|OSError: [Errno 28] No space left on device"]}))
    assert "→ the disk is full: free some space" in do(errors=True)[1]


def test_the_last_minutes_reach_the_hosts_as_seconds(world, do):
    asked = []
    replies(world, lambda script: asked.append(value(script, "AGE")) or said([], {"log:raylet.out": ["x"]}))
    assert do(since="10m")[0] == 0
    assert asked == ["600"] * 3


def test_a_node_that_no_host_has_run(world, do):
    replies(world, said([("other", "1")]))
    status, _, err = do(node="abcdef")
    assert status == 1 and "no host has run a node whose id begins with abcdef" in err


def test_a_submitted_job_has_the_workers_that_ray_names(world, do):
    world["head"].replies["look the job up"] = said([], {"answer": ['["02000000"]']})
    asked = []
    replies(world, lambda script: asked.append(script) or said([], {"log:x": ["of the job"]}))
    status, out, _ = do(job="raysubmit_1")
    assert status == 0 and "of the job" in out
    assert "job-driver-raysubmit_1.log" in asked[0] and "worker-*-02000000-*" in asked[0]


@pytest.mark.parametrize(
    "flags",
    [
        {"follow": True, "since": "1m"},
        {"follow": True, "errors": True},
        {"job": "02000000", "component": "gcs"},
        {"job": "a/../b"},
        {"node": "xyz"},
        {"since": "tomorrow"},
        {"json": True},
        {"lines": "none"},
    ],
    ids=str,
)
def test_flags_that_mean_nothing_touch_no_host(world, do, flags):
    assert do(**flags)[0] == 2
    assert world.connections == []


def test_a_time_of_this_machine():
    assert seconds_ago("90s", 0) == 90
    assert seconds_ago("1970-01-02T00:00:00+00:00", 86500.0) == 100
