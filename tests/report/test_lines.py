"""Log lines of many files: one stream in the order of time, and nothing in them that steers a terminal."""

from __future__ import annotations

import pytest

from tasks.report.lines import Line, clean, merge, parse_time, show


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02 03:04:05,678\tINFO node.py:1 -- up", "2026-01-02 03:04:05.678000"),
        ("[2026-01-02 03:04:05,678 I 12 12] (raylet) main.cc:1: up", "2026-01-02 03:04:05.678000"),
        ("2026-01-02T03:04:05.678901Z up", "2026-01-02 03:04:05.678901"),
        ("2026-01-02 03:04:05 up", "2026-01-02 03:04:05.000000"),
        ("2026-01-02 03:04:05.6", "2026-01-02 03:04:05.600000"),
        ("2026-01-02 03:04:05.678901234 up", "2026-01-02 03:04:05.678901234"),
        ("at 2026-01-02 03:04:05 up", None),
        ('  File "x.py", line 1, in <module>', None),
        ("2026-01-02", None),
        ("", None),
    ],
)
def test_the_time_that_a_line_begins_with(text, expected):
    assert parse_time(text) == expected


def test_times_of_all_forms_sort_as_text():
    forms = [
        "2026-01-02 03:04:05 a",
        "[2026-01-02 03:04:05,001 I 1 1] b",
        "2026-01-02T03:04:05.01 c",
        "2026-01-02 03:04:05,1 d",
        "2026-01-02 03:04:06 e",
    ]
    assert sorted(forms, key=parse_time) == forms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\twith a tab, 中文 and ñ", "plain\twith a tab, 中文 and ñ"),
        ("\x1b[31mred\x1b[0m and \x1b[1;38;5;9mbold\x1b[m", "red and bold"),
        ("\x1b[38:2::1:2:3mtrue colour\x1b[0m", "true colour"),
        ("\x1b[2J\x1b[H\x1b[?25lcleared", "cleared"),
        ("\x9b31mred by one byte\x9b0m", "red by one byte"),
        ("\x1b]0;a title\x07text", "]0;a titletext"),
        ("50%\r100%", "50%100%"),
        ("a\x00b\x08c\x0bd\x7fe\x85f\x1b", "abcdef"),
        ("", ""),
    ],
)
def test_control_sequences_are_removed(text, expected):
    assert clean(text) == expected


def test_clean_leaves_no_control_character_but_the_tab():
    every = "".join(map(chr, range(0x20))) + "".join(map(chr, range(0x7F, 0xA1)))
    assert clean(every) == "\t\n\xa0"


def lines(host: str, *texts: str) -> list[Line]:
    return [Line(host, "raylet.out", text) for text in texts]


def at(second: int, text: str) -> str:
    return f"2026-01-02 03:04:{second:02},000 {text}"


class TestMerge:
    def texts(self, *files):
        return [line.text.split(" ")[-1] for line in merge(files)]

    def test_by_time_over_all_files(self):
        a = lines("a", at(1, "a1"), at(4, "a4"))
        b = lines("b", at(2, "b2"), at(3, "b3"), at(5, "b5"))
        assert self.texts(a, b) == ["a1", "b2", "b3", "a4", "b5"]

    def test_at_the_same_time_the_first_file_first(self):
        assert self.texts(lines("a", at(1, "a1")), lines("b", at(1, "b1"))) == ["a1", "b1"]

    def test_lines_without_a_time_stay_behind_theirs(self):
        a = lines("a", at(1, "a1"), "Traceback", "  oops", at(4, "a4"))
        b = lines("b", at(2, "b2"))
        assert self.texts(a, b) == ["a1", "Traceback", "oops", "b2", "a4"]

    def test_lines_before_the_first_time_stay_before_it(self):
        a = lines("a", "rest", "of-one", at(3, "a3"))
        b = lines("b", at(2, "b2"))
        assert self.texts(a, b) == ["b2", "rest", "of-one", "a3"]

    def test_a_file_without_any_time_comes_first(self):
        assert self.texts(lines("a", at(1, "a1")), lines("b", "x", "y")) == ["x", "y", "a1"]

    def test_a_clock_that_goes_back_changes_no_file_s_own_order(self):
        a = lines("a", at(5, "a5"), at(1, "a1"), at(6, "a6"))
        b = lines("b", at(2, "b2"), at(7, "b7"))
        assert self.texts(a, b) == ["b2", "a5", "a1", "a6", "b7"]

    def test_empty_streams_add_nothing(self):
        assert self.texts() == []
        assert self.texts([], lines("a", at(1, "a1")), []) == ["a1"]


def test_a_line_is_shown_behind_its_host_and_file(pipe, text):
    show(pipe, Line("a", "raylet.out", "[red] " + "x" * 200), width=4)
    assert text(pipe) == "a    raylet.out [red] " + "x" * 200 + "\n"


def test_a_host_has_the_same_colour_each_time(terminal, text):
    for host in ("a", "b", "a"):
        show(terminal, Line(host, "f", "t"), width=1)
    first, second, third = text(terminal).splitlines()
    assert first == third
    assert first.replace("ma\x1b", "mb\x1b") != second
