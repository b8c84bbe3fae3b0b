"""The first diagnosis: what explains most comes first, in at most 20 lines."""

from __future__ import annotations

from tasks.report.diagnosis import Case, Seen, diagnosis
from tasks.report.incidents import Incident


def test_nothing_stands_out():
    assert diagnosis(Case(2, seen={"a": Seen(0.1), "b": Seen(0.2)}))[1].startswith("nothing stands out")


def test_clocks_are_compared_with_the_median():
    seen = {"a": Seen(0.0), "b": Seen(0.3), "c": Seen(-61.0), "d": Seen(None)}
    assert diagnosis(Case(4, seen=seen))[1:] == ["c: its clock is 61 s fast"]


def test_full_disks_without_images_of_programs():
    df = ["/dev/loop3 1 1 0 100% /snap/core", "tmpfs 10 10 0 100% /dev/shm", "/dev/sda 100 50 50 50% /"]
    assert diagnosis(Case(1, seen={"a": Seen(df=df)}))[1:] == ["a: /dev/shm is 100 % full"]


def test_reasons_of_the_node_table_are_counted():
    table = [{"alive": False, "reason": "health check failed"}] * 2 + [{"alive": True, "reason": ""}]
    assert diagnosis(Case(1, table=table))[1:] == ["Ray's table, dead: 2 x health check failed"]


def test_the_same_reason_of_many_hosts_is_one_line():
    dead = {f"n{n}": "timed out" for n in range(30)}
    assert diagnosis(Case(31, dead=dead)) == [
        "1 of 31 hosts could be asked",
        "unreachable: n0, n1, n2 and 27 more: timed out",
    ]


def test_starts_and_the_supervisor():
    seen = {
        "a": Seen(starts=4, service='x {"Status":"exited","OOMKilled":true}'),
        "b": Seen(service="Result=success"),
    }
    lines = diagnosis(Case(2, seen=seen))
    assert lines[1] == "a: 4 starts within an hour" and "OOMKilled" in lines[2] and len(lines) == 3


def test_kills_come_before_tracebacks_and_no_more_than_20_lines():
    many = [Incident("traceback", f"Error{'x' * n}", "f", "", {"a": 1}) for n in range(40)]
    lines = diagnosis(
        Case(1, incidents=[*many, Incident("OOM kill", "killed 1 worker(s)", "f", "t", {"a": 2})])
    )
    assert (
        len(lines) == 20 and lines[1].startswith("OOM kill: 2 x on a, last t") and lines[-1] == "and 23 more"
    )
