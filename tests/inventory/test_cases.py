"""Wrong hosts files in cases/*.yml, and in cases/*.txt the exact messages about each."""

from pathlib import Path

import pytest

from tasks.inventory import InventoryError, load

CASES = sorted(Path(__file__).with_name("cases").glob("*.yml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_every_mistake_is_reported(case, monkeypatch):
    monkeypatch.chdir(case.parent)
    with pytest.raises(InventoryError) as caught:
        load(case.name)
    messages = "".join(f"{problem}\n" for problem in caught.value.problems)
    assert messages == case.with_suffix(".txt").read_text(encoding="utf-8")


def test_every_case_has_its_messages():
    assert {case.stem for case in CASES} == {text.stem for text in CASES[0].parent.glob("*.txt")}


@pytest.mark.parametrize("case", [case for case in CASES if "s3cret" in case.read_text("utf-8", "replace")])
def test_no_message_contains_a_secret(case):
    with pytest.raises(InventoryError) as caught:
        load(case)
    assert "s3cret" not in str(caught.value) and "s3cret" not in repr(caught.value.problems)
