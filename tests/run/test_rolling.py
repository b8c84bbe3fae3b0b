"""Batches of a rolling restart, and how an interrupted one goes on."""

from __future__ import annotations

import json

import pytest

from tasks.run.rolling import KEPT, batch_size, batches, progress


class TestBatches:
    @pytest.mark.parametrize(
        ("text", "hosts", "size"),
        [
            ("10%", 25, 3),
            ("10%", 4, 1),
            ("10%", 20, 2),
            ("10%", 21, 3),
            ("100%", 7, 7),
            ("1%", 1, 1),
            ("3", 100, 3),
            (" 5 % ", 100, 5),
        ],
    )
    def test_are_rounded_up(self, text, hosts, size):
        assert batch_size(text, hosts) == size

    @pytest.mark.parametrize("text", ["0", "0%", "101%", "-1", "many", "", "1.5", "10 percent"])
    def test_of_nothing_are_refused(self, text):
        with pytest.raises(ValueError, match="number of hosts"):
            batch_size(text, 10)

    def test_begin_with_the_canary(self):
        assert batches(list("abcdefg"), 3, 1) == [["a"], ["b", "c", "d"], ["e", "f", "g"]]

    def test_without_a_canary(self):
        assert batches(list("abcd"), 3, 0) == [["a", "b", "c"], ["d"]]

    def test_of_no_hosts_are_none(self):
        assert batches([], 3, 1) == []

    def test_a_canary_of_all_is_one_batch(self):
        assert batches(["a", "b"], 1, 5) == [["a", "b"]]


class TestProgress:
    def test_goes_on_after_an_interruption(self, tmp_path):
        first = progress(tmp_path / "state/rolling.json", "key", 1000.0)
        assert first.done == []
        first.mark(["a", "b"])
        first.mark(["b", "c"])
        again = progress(tmp_path / "state/rolling.json", "key", 1500.0)
        assert (again.done, again.began) == (["a", "b", "c"], 1000.0)

    def test_ends_with_the_restart(self, tmp_path):
        one = progress(tmp_path / "rolling.json", "key", 1000.0)
        one.mark(["a"])
        one.end()
        one.end()
        assert progress(tmp_path / "rolling.json", "key", 1001.0).done == []

    def test_of_other_hosts_is_another_one(self, tmp_path):
        progress(tmp_path / "rolling.json", "key", 1000.0).mark(["a"])
        assert progress(tmp_path / "rolling.json", "other", 1001.0).done == []

    @pytest.mark.parametrize("now", [1000.0 + KEPT, 999.0])
    def test_is_forgotten_after_a_day_and_where_the_clock_is_wrong(self, tmp_path, now):
        progress(tmp_path / "rolling.json", "key", 1000.0).mark(["a"])
        assert progress(tmp_path / "rolling.json", "key", now).done == []

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", '{"key": "key"}', json.dumps({"key": "key", "began": "x"})]
    )
    def test_a_file_that_cannot_be_read_is_a_new_start(self, tmp_path, text):
        (tmp_path / "rolling.json").write_text(text)
        assert progress(tmp_path / "rolling.json", "key", 7.0).began == 7.0

    def test_a_folder_that_cannot_be_made_costs_only_the_note(self, tmp_path):
        (tmp_path / "file").write_text("")
        one = progress(tmp_path / "file/rolling.json", "key", 7.0)
        one.mark(["a"])
        assert one.done == ["a"]
