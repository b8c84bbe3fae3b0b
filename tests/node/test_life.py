"""How long a node has been up, and how often it was started: from what hosts in several languages report."""

from __future__ import annotations

import pytest

from tasks.node.life import of_raylets, on_host, starts_within_an_hour
from tasks.node.processes import Raylet
from tests.script import samples

STARTS = {
    "none": ([], 0),
    "one": (["Fri Nov 27 01:46:17 UTC 2026"], 1),
    "every forty seconds": (
        ["Fri Nov 27 01:46:17 UTC 2026", "Fri Nov 27 01:46:57 UTC 2026", "Fri Nov 27 01:47:37 UTC 2026"],
        3,
    ),
    "one a day": ([f"{day} Nov 2{n} 01:46:17 UTC 2026" for n, day in enumerate(["Fri", "Sat", "Sun"], 6)], 1),
    "across midnight": (["Fri Nov 27 23:59:50 UTC 2026", "Sat Nov 28 00:00:30 UTC 2026"], 2),
    "two hours ago": (["Fri Nov 27 01:46:17 UTC 2026", "Fri Nov 27 03:46:17 UTC 2026"], 1),
    "twelve hours by the clock": (
        [
            "Fri Nov 27 11:59:50 AM UTC 2026",
            "Fri Nov 27 12:00:30 PM UTC 2026",
            "Fri Nov 27 01:00:00 PM UTC 2026",
        ],
        2,
    ),
    "German": (["Fr 27. Nov 01:46:17 CET 2026", "Fr 27. Nov 01:46:57 CET 2026"], 2),
    "Chinese": (["2026年 11月 27日 星期五 01:46:17 CST", "2026年 11月 27日 星期五 01:46:57 CST"], 2),
    "no times": (["reboot", "reboot"], 0),
}


@pytest.mark.parametrize(("lines", "count"), STARTS.values(), ids=STARTS)
def test_starts_within_an_hour(lines, count):
    assert starts_within_an_hour(lines) == count


def test_the_youngest_raylet_of_this_node_counts():
    mine = Raylet(7, 12, "a1", True), Raylet(5, 500, "b2", True)
    life = on_host(samples.facts(raylets=(*mine, Raylet(9, 1, "c3", False))))
    assert (life.age, life.node_id, life.raylet, life.starts) == (12, "a1", True, 0)
    assert life.young
    assert not life.restless


def test_no_raylet_and_an_unknown_one_differ():
    assert on_host(samples.facts(raylets=())).raylet is False
    assert on_host(samples.facts(raylets=None)).raylet is None
    assert on_host(samples.facts(raylets=(Raylet(9, 1, "c3", False),))).raylet is False


@pytest.mark.parametrize(
    ("age", "starts", "restless"),
    [(5, 3, True), (139, 3, True), (5, 2, False), (141, 9, False), (None, 3, True)],
)
def test_a_node_that_keeps_starting(age, starts, restless):
    assert of_raylets([Raylet(1, age, "", True)], samples.facts(), starts).restless is restless
