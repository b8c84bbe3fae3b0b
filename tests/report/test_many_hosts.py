"""Tables of many hosts: what is wrong has its row, and what is alike is one."""

from __future__ import annotations

import pytest

from tasks.report import failures, handover
from tasks.report import status as table


def node(name, **changes):
    return {
        **{
            "host": name,
            "name": name,
            "role": "worker",
            "node_ip": "10.0.0.1",
            "alive": True,
            "runtime": "uv",
        },
        **{"ray": "2.60.0", "python": "3.12.1", "cpus": 8, "gpus": 0, "problem": None},
        **changes,
    }


NODES = [
    node("boss", role="head"),
    *(node(f"node{n:03}") for n in range(1, 499)),
    node("mac", runtime="docker", cpus=4),
]
DOWN = {"alive": False, "problem": "stopped", "cpus": None, "gpus": None}


def test_what_is_alive_is_counted_and_what_is_wrong_has_its_row(pipe, text):
    nodes = [one if one["name"] not in ("node007", "node300") else {**one, **DOWN} for one in NODES]
    table.show(pipe, {"nodes": nodes})
    lines = text(pipe).splitlines()
    assert [line.split()[0] for line in lines] == ["host", "boss", "node007", "node300", "496", "1"]
    assert lines[4] == (
        "496 alive: node[001-006,008-299,301-498]  (uv, Ray 2.60.0, Python 3.12.1, 8 CPUs, no GPUs each)"
    )
    assert lines[5].startswith("1 alive: mac  (docker, ")


@pytest.mark.parametrize(("count", "rows"), [(20, 20), (21, 1)])
def test_few_hosts_have_a_row_each(pipe, text, count, rows):
    table.show(pipe, {"nodes": NODES[:count]})
    assert len([line for line in text(pipe).splitlines() if line.startswith(("boss", "node"))]) == rows


def test_all_is_a_row_for_each(pipe, text):
    pipe.every = True
    table.show(pipe, {"nodes": NODES})
    assert len(text(pipe).splitlines()) == 501


def test_rows_that_are_equal_but_for_the_host_are_one(pipe, text):
    rows = [(f"n{n}", "up to date", "") for n in range(1, 31)]
    rows[4] = ("n5", "restart", "not running")
    pipe.table(("host", "plan", "why"), rows, fold=True)
    assert [line.split("  ")[0] for line in text(pipe).splitlines()] == ["host", "n[1-4,6-30]", "n5"]
    pipe.table(("host", "plan", "why"), rows)
    assert len(text(pipe).splitlines()) == 3 + 31


def test_failures_that_are_alike_are_one_row_and_their_fix_can_be_pasted(pipe, text):
    failed = [(f"n{n}", "timed out", f"fab logs --host n{n} says why") for n in range(1, 31)]
    failures.show(pipe, failed)
    lines = text(pipe).splitlines()
    assert lines[1].split("  ")[0] == "n[1-30]" and len(lines) == 3
    assert lines[2].endswith("logs --host 'n[1-30]' says why")


def test_names_are_written_out_up_to_eight_and_folded_beyond():
    assert handover.names(f"n{n}" for n in range(8)) == "n0, n1, n2, n3, n4, n5, n6, n7"
    assert handover.names(f"n{n}" for n in range(30)) == "n[0-29]"
    mixed = [*"abcdefghij", *(f"n{n}" for n in range(5))]
    assert handover.names(mixed) == "a, b, c, d, e, f, g and 8 more"
    assert handover.limit(["a", "b"]) == "a,b"
    assert handover.limit(f"n{n}" for n in range(9)) == "'n[0-8]'"
