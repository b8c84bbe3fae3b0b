import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.inventory.fold import fold, folded
from tasks.inventory.ranges import MAX_HOSTS, expand
from tasks.inventory.selection import items


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        ([], []),
        (["boss"], ["boss"]),
        (["node1", "node2", "node3"], ["node[1-3]"]),
        (["node3", "node1", "node3"], ["node[1,3]"]),
        ([f"node{n:03}" for n in range(1, 498)], ["node[001-497]"]),
        (["n08.lab", "n09.lab", "n10.lab"], ["n[08-10].lab"]),
        (["n8", "n9", "n10"], ["n[8-10]"]),
        ([f"n{n}" for n in range(12)], ["n[0-11]"]),
        (["n1", "n01", "n2", "n02"], ["n[1-2,01-02]"]),
        (["n08", "n9", "n10"], ["n[9,08,10]"]),
        ([f"10.0.0.{n}" for n in (1, 2, 4)], ["10.0.0.[1-2,4]"]),
        ([f"r{r}n{n:02}" for r in (1, 2) for n in range(1, 11)], ["r[1-2]n[01-10]"]),
        (["r1n1", "r1n2", "r2n1"], ["r1n[1-2]", "r2n1"]),
        (["boss", "node2", "mac", "node1"], ["boss", "node[1-2]", "mac"]),
        (["fe80::1", "fe80::2"], ["fe80::[1-2]"]),
        (["a1234567890", "a1234567891"], ["a1234567890", "a1234567891"]),
        (["a[1]", "a,1"], ["a[1]", "a,1"]),
        (["n٣", "n٤"], ["n٣", "n٤"]),
    ],
)
def test_names_are_folded_into_patterns(names, patterns):
    assert fold(names) == patterns


numbers = st.builds(
    lambda number, width: str(number).zfill(width), st.integers(0, 130), st.sampled_from([0, 2, 3])
)
texts = st.sampled_from(["", "n", "-", ".", "node-", "é", "::"])
names = st.one_of(
    st.builds(lambda text, number: f"a{text}{number}", texts, numbers),
    st.builds(lambda one, text, two, end: f"r{one}.{text}{two}{end}", numbers, texts, numbers, texts),
    st.text(st.characters(exclude_characters="[],"), min_size=1, max_size=12),
)


@given(st.lists(names, max_size=80))
def test_what_is_folded_expands_to_the_same_names_each_once(names):
    assert sorted(name for pattern in fold(names) for name in expand(pattern)) == sorted(set(names))


@given(st.lists(st.builds(lambda number: f"n{number}", numbers), max_size=60))
def test_the_order_of_names_does_not_change_what_is_folded_together(names):
    assert fold(names) == fold(reversed(names)) == fold(sorted(names))


@given(
    st.lists(st.from_regex(r"[a-z]{1,3}[0-9]{1,3}(-[0-9]{1,2})?", fullmatch=True), min_size=1, max_size=40)
)
def test_the_line_is_one_expression_for_limit(names):
    assert {name for item in items(folded(names)) for name in expand(item)} == set(names)


def test_as_many_as_a_hosts_file_has_are_one_pattern():
    assert fold(f"n{n}" for n in range(MAX_HOSTS)) == [f"n[0-{MAX_HOSTS - 1}]"]
