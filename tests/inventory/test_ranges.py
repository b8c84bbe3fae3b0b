import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.inventory.ranges import expand, without


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a", ["a"]),
        ("10.0.0.[10-12]", ["10.0.0.10", "10.0.0.11", "10.0.0.12"]),
        ("n[08-10].lab", ["n08.lab", "n09.lab", "n10.lab"]),
        ("n[9-10]", ["n9", "n10"]),
        ("n[1,3-4]", ["n1", "n3", "n4"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("[::1]", ["[::1]"]),
    ],
)
def test_a_pattern_expands_to_names(pattern, names):
    assert expand(pattern) == names


@pytest.mark.parametrize(
    ("pattern", "index", "left"),
    [
        ("a", 0, []),
        ("10.0.0.[10-19]", 5, ["10.0.0.[10-14,16-19]"]),
        ("10.0.0.[10-19]", 0, ["10.0.0.[11-19]"]),
        ("n[1-2]", 0, ["n2"]),
        ("n[08-10].lab", 1, ["n[08,10].lab"]),
        ("n[5]", 0, []),
        ("r[1-3]n[01-10]", 14, ["r1n[01-10]", "r2n[01-04,06-10]", "r3n[01-10]"]),
    ],
)
def test_a_name_is_removed_from_a_pattern(pattern, index, left):
    assert without(pattern, index) == left


brackets = st.lists(
    st.builds(
        lambda first, more, width: f"[{str(first).zfill(width)}-{str(first + more).zfill(width)}]",
        st.integers(0, 120),
        st.integers(0, 5),
        st.sampled_from([0, 3, 4]),
    ),
    min_size=1,
    max_size=3,
)


@given(brackets, st.data())
def test_what_is_left_is_all_but_one_in_order(parts, data):
    pattern = "n" + "-".join(parts) + ".lab"
    try:
        names = expand(pattern)
    except ValueError:
        return
    index = data.draw(st.integers(0, len(names) - 1))
    left = [name for shorter in without(pattern, index) for name in expand(shorter)]
    assert left == names[:index] + names[index + 1 :]
