"""`fab status` as a table: a row a node, and what is wrong with it at its end."""

from __future__ import annotations

import re

from tasks.report import status

NODE = {
    "host": "10.0.0.1",
    "name": "head",
    "role": "head",
    "node_ip": "10.0.0.1",
    "alive": True,
    "runtime": "uv",
    "ray": "2.52.0",
    "python": "3.11.2",
    "cpus": 8,
    "gpus": 0,
    "problem": None,
}
DOWN = {
    **NODE,
    "name": "one",
    "role": "worker",
    "node_ip": None,
    "alive": False,
    "cpus": None,
    "gpus": None,
    "ray": None,
    "python": None,
    "problem": "one: [port 22] timed out",
}
STRANGER = {
    **NODE,
    "name": "mallory",
    "role": "worker",
    "runtime": None,
    "cpus": 2.5,
    "problem": "not in the file",
}


def test_a_row_a_node(pipe, text):
    status.show(pipe, {"nodes": [NODE, DOWN, STRANGER]})
    assert text(pipe).splitlines() == [
        "host     role    node ip   state  runtime  ray     python  cpus  gpus  problem",
        "head     head    10.0.0.1  alive  uv       2.52.0  3.11.2  8     0",
        "one      worker  -         down   uv       -       -       -     -     one: [port 22] timed out",
        "mallory  worker  10.0.0.1  alive  -        2.52.0  3.11.2  2.5   0     not in the file",
    ]


def test_what_is_down_is_red_and_what_lives_is_green_on_a_terminal(terminal, text):
    status.show(terminal, {"nodes": [NODE, DOWN]})
    assert "\x1b[32malive" in text(terminal)
    assert "\x1b[31mdown" in text(terminal)


def test_a_cluster_without_nodes_is_a_table_of_headings(pipe, text):
    status.show(pipe, {"nodes": []})
    assert text(pipe).split()[:2] == ["host", "role"]


KEPT = {
    "kept": True,
    "why": None,
    "since": "2026-11-27T16:02:11+00:00",
    "bytes": 17_911_808,
    "put_aside": None,
}
MEMORY = {"kept": False, "why": "Ray 2.7.2 cannot keep it; 2.57 and newer can", "since": None, "bytes": None}


class TestTheHeadsState:
    def test_since_when_how_large_and_what_it_is_for(self):
        said = status.head_state(KEPT)
        assert re.match(
            r"the head's state is kept since 2026-11-2\d \d\d:\d\d, 18 MB: its restart keeps w", said
        )

    def test_what_was_put_aside(self):
        assert status.head_state({**KEPT, "put_aside": "/n/gcs.unreadable"}).endswith(
            "; one that Ray could not open is in /n/gcs.unreadable"
        )

    def test_in_memory_and_why(self):
        why = "Ray 2.7.2 cannot keep it; 2.57 and newer can"
        assert (
            status.head_state(MEMORY) == f"the head's state is in memory ({why}): its restart ends all work"
        )

    def test_nothing_where_nothing_is_known(self):
        assert status.head_state(None) == ""
