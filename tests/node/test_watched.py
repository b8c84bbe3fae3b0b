"""What a node's watch has written, read on this side: whatever a container's user may have put there."""

from __future__ import annotations

import json

import pytest

from tasks.node.watched import NOT_WATCHED, parse_watched


def test_the_file_of_a_node():
    text = json.dumps(
        {
            "phase": "down",
            "since": 5,
            "why": "its raylet is stopped",
            "faults": [[1, "a"], [2, "b"]],
            "away": 4,
            "node": "a1",
            "starts": [1, 2, 3],
        }
    )
    found = parse_watched(text)
    assert (found.phase, found.since, found.why, found.faults) == ("down", 5, "its raylet is stopped", 2)
    assert (found.away, found.node_id, found.starts) == (4, "a1", 3)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '"down"'])
def test_what_is_no_such_line(text):
    assert parse_watched(text) == NOT_WATCHED


def test_values_of_other_types_and_signs_that_a_terminal_obeys():
    found = parse_watched(
        json.dumps({"phase": 7, "since": True, "faults": "x", "why": "a\x1b[2Jb\n" + "c" * 999})
    )
    assert (found.phase, found.since, found.faults) == ("", None, 0)
    assert found.why.startswith("a[2Jbc") and len(found.why) <= 200
