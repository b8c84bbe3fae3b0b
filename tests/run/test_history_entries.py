"""What is remembered of changes: entries of several sources, as one list."""

from __future__ import annotations

import json

from tasks.run import history

HOLDER = "alice@laptop (process 42) since 2026-01-02 03:04:05 UTC: upgrade --host one"


def entry(id_, when, result="done", hosts=("one",)):
    return {"format": 1, "id": id_, "when": when, "result": result, "hosts": list(hosts)}


def test_a_run_that_was_cut_off_is_known_by_its_lock():
    found = history.cut_off(HOLDER)
    assert (found["who"], found["from"], found["when"]) == ("alice", "laptop", "2026-01-02 03:04:05 UTC")
    assert (found["command"], found["result"]) == ("fab upgrade --host one", "cut off")


def test_a_lock_that_says_something_else_is_kept_as_it_is():
    assert history.cut_off("somebody")["command"] == "fab somebody"


def test_entries_of_all_sources_once_and_by_time():
    cut = history.cut_off(HOLDER)
    whole = {**entry(cut["id"], "2026-01-02T03:04:05Z", "interrupted")}
    late, early = entry("b", "2026-01-03T00:00:00Z"), entry("a", "2026-01-01T00:00:00Z")
    for sources in (([late, cut], [early, whole]), ([early, whole], [late, cut])):
        found = history.merged(*sources)
        assert [(one["id"], one["result"]) for one in found] == [
            ("a", "done"),
            (cut["id"], "interrupted"),
            ("b", "done"),
        ]


def test_lines_that_are_no_entries_are_left_out():
    good = entry("a", "2026-01-01T00:00:00Z")
    lines = [json.dumps(good), "", "{half", "[]", '{"format": 99, "id": "x"}', '{"format": 1, "id": 3}']
    assert history.parse(lines) == [good]


def test_those_about_a_host_and_those_that_do_not_say():
    one, two = entry("a", "1", hosts=["one"]), entry("b", "2", hosts=["two"])
    none = entry("c", "3", hosts=[])
    assert history.about([one, two, none], ["two"]) == [two, none]
