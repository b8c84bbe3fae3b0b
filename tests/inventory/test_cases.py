"""Wrong hosts files in cases/*.yml; cases/*.txt holds every line that is said about each, exactly."""

from pathlib import Path

import pytest

from tasks.inventory import InventoryError, load

CASES = sorted(Path(__file__).with_name("cases").glob("*.yml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_every_mistake_is_named(case, monkeypatch):
    monkeypatch.chdir(case.parent)
    with pytest.raises(InventoryError) as caught:
        load(case.name)
    said = "".join(f"{problem}\n" for problem in caught.value.problems)
    assert said == case.with_suffix(".txt").read_text(encoding="utf-8")


def test_no_case_is_without_its_expectation():
    assert {case.stem for case in CASES} == {text.stem for text in CASES[0].parent.glob("*.txt")}


@pytest.mark.parametrize("case", [case for case in CASES if "s3cret" in case.read_text("utf-8", "replace")])
def test_no_secret_is_in_a_message(case):
    with pytest.raises(InventoryError) as caught:
        load(case)
    assert "s3cret" not in str(caught.value) and "s3cret" not in repr(caught.value.problems)
