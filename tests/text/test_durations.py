"""Lengths of time."""

from __future__ import annotations

import pytest

from tasks.text.durations import parse, spelled


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("10 min", 600), ("2h", 7200), ("1d", 86400), ("45", 45), ("0s", 0)],
)
def test_are_read(text, seconds):
    assert parse(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-1s", "1.5h", "10 minutes", "99999999"])
def test_others_are_refused(text):
    with pytest.raises(ValueError, match="90s, 10m or 2h"):
        parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(600, "10 min"), (90, "90 s"), (7200, "2 h"), (86400, "1 d"), (0, "0 s")]
)
def test_are_spelled(seconds, text):
    assert spelled(seconds) == text
