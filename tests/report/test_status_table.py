"""`fab status` as a table: a row a node, and what is wrong with it at its end."""

from __future__ import annotations

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
