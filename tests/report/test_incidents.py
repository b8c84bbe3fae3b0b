"""What went wrong, out of lines of logs: those below are Ray 2.60's own, as it wrote them."""

from __future__ import annotations

import re

from tasks.node.logfiles import ERRORS
from tasks.report.incidents import incidents
from tasks.report.lines import Line

EXIT = """2026-11-27 21:21:27,021	ERROR scripts.py:100 -- Some Ray subprocesses exited unexpectedly:
  raylet [exit code=-9 (signal 9)]
"""
DRIVER = """2026-11-27 21:20:00,179	INFO worker.py:2029 -- Connected to Ray cluster.
(raylet) A worker died or was killed while executing a task by an unexpected system error. To troubleshoot the problem, check the logs for the dead worker. Lease ID: 02000000 Worker exit type: SYSTEM_ERROR Worker exit detail: Worker unexpectedly exits with a connection error code 2. End of file. Some common causes include: (1) the process was killed by the OOM killer
Traceback (most recent call last):
  File "/x/job.py", line 12, in <module>
    ray.get(f.remote())
ray.exceptions.RayTaskError(ValueError): ray::f() (pid=16334, ip=192.0.2.2)
  File "/x/job.py", line 5, in f
ValueError: bad number {}
"""  # noqa: E501
CHAINED = """Traceback (most recent call last):
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
RuntimeError: no a
Traceback (most recent call last):
RuntimeError: no a
"""


def picked(host: str, file: str, text: str) -> list[Line]:
    """The lines as logs_pick.sh answers them."""
    out, time = [], ""
    for line in text.splitlines():
        found = re.match(r"\[?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", line)
        time = found.group(1) if found else time
        if re.search(ERRORS, line):
            out.append(Line(host, file, f"{time}|{line}"))
    return out


def told(*lines: list[Line]) -> list[tuple[str, int, str]]:
    return [(one.kind, one.count, one.text) for one in incidents([line for many in lines for line in many])]


def test_a_process_that_ended_with_its_code_and_time():
    (one,) = incidents(picked("a", "ray_process_exit.log", EXIT))
    assert (one.kind, one.text, one.last) == (
        "ended",
        "raylet ended with -9 (signal 9)",
        "2026-11-27 21:21:27",
    )


def test_what_start_repeats_is_counted_once():
    assert [n for _, n, _ in told(picked("a", "ray_process_exit.log", EXIT), picked("a", "start", EXIT))] == [
        1
    ]
    assert [n for _, n, _ in told(picked("a", "start", EXIT))] == [1]


def test_a_traceback_is_its_last_line_and_equal_ones_are_one_with_their_hosts():
    lines = [
        line
        for host in "ab"
        for n in (1, 17)
        for line in picked(host, f"job-driver-{n}.log", DRIVER.format(n))
    ]
    died, trace = incidents(lines)
    assert (trace.kind, trace.text, trace.hosts) == (
        "traceback",
        "ValueError: bad number 17",
        {"a": 2, "b": 2},
    )
    assert died.text == "Worker unexpectedly exits with a connection error code 2. End of file."
    assert died.count == 4


def test_of_a_chain_only_the_last_one_counts():
    assert told(picked("a", "worker-1.err", CHAINED)) == [("traceback", 2, "RuntimeError: no a")]


def test_a_full_disk_is_no_traceback():
    text = "Traceback (most recent call last):\nOSError: [Errno 28] No space left on device: '/x'\n"
    assert [kind for kind, _, _ in told(picked("a", "worker-1.err", text))] == ["disk full"]


def test_kills_for_want_of_memory():
    kernel = "2026-11-27T21:00:00+0000 a kernel: Memory cgroup out of memory: Killed process 77 (ray::f) total-vm:1kB"
    raylet = (
        "[2026-11-27 21:00:00,1 E 5 5] (raylet) x.cc:1: Ray killed 1 worker(s) based on the killing policy"
    )
    assert told(picked("a", "kernel", kernel), picked("a", "raylet.out", raylet))[1][:2] == ("OOM kill", 1)
    assert told(picked("a", "worker-1.err", raylet)) == []


def test_a_line_that_tells_of_nothing_is_not_picked():
    assert (
        picked("a", "raylet.out", "[2026-11-27 21:19:21,695 I 1 1] (raylet) x: Raylet of id, 42 started")
        == []
    )
