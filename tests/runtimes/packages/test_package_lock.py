"""A lock and its text: one comes out of the other, and what is no lock is told with its line."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import BadLock, Lock, join, parse, parse_all

WORD = st.from_regex(re.compile(r"[a-z0-9][a-z0-9._+-]{0,20}", re.ASCII), fullmatch=True)
ITEM = st.builds(
    Item,
    st.sampled_from(["python", "conda", "wheel", "sdist"]),
    WORD,
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.integers(1, 1 << 40),
    WORD.map(lambda w: f"https://mirror.example/{w}"),
)
LOCK = st.builds(
    Lock,
    st.sampled_from(["linux-64", "osx-arm64", "win-64"]),
    st.just("3.7.16"),
    st.just("2.7.2"),
    st.sampled_from(["", "abc123"]),
    st.lists(ITEM, max_size=5).map(tuple),
    st.sampled_from(["conda", "uv"]),
)


@given(LOCK)
def test_a_lock_is_parsed_back_from_its_text(lock):
    assert parse(lock.text) == lock


@given(st.lists(LOCK, min_size=1, unique_by=lambda lock: lock.key))
def test_several_in_one_file(locks):
    assert parse_all(join(locks)) == {lock.key: lock for lock in locks}


@given(LOCK)
def test_the_id_does_not_depend_on_where_python_comes_from(lock):
    bare = replace(lock, items=tuple(item for item in lock.items if item.kind != "python"))
    assert bare.id == lock.id


@given(LOCK, st.text(max_size=80))
def test_no_text_makes_anything_but_a_lock_or_a_line(lock, junk):
    try:
        parse(lock.text + junk)
    except BadLock as error:
        assert re.match(r"line \d+: |it lacks ", str(error))


LINE = "wheel a.whl " + "0" * 64 + " 7 https://mirror.example/a.whl"
HEAD = "rayfab-lock 1\nplatform linux-64\npython 3.7.16\nray 2.7.2\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no line 'rayfab-lock 1'"),
        ("ray==2.7.2\n", "it has no line 'rayfab-lock 1'"),
        (HEAD + LINE.replace("0" * 64, "0" * 63), "line 5: not a valid line of a lock file"),
        (HEAD + LINE.replace("a.whl ", "../a.whl "), "line 5: not a valid line of a lock file"),
        ("# kept\n\n" + HEAD + "\n\nwhat\n", "line 9: not a valid line of a lock file: 'what'"),
        ("rayfab-lock 1\nplatform linux-64\n", "it lacks python or ray"),
    ],
)
def test_what_is_no_lock(text, said):
    with pytest.raises(BadLock, match=re.escape(said)):
        parse_all(text)


def test_the_name_of_an_environment_is_that_of_its_files():
    one = parse(HEAD + LINE)
    assert parse(HEAD + LINE.replace("mirror.example", "other.example")).id == one.id
    assert parse(HEAD + LINE.replace("0" * 64, "1" * 64)).id != one.id
    assert parse(HEAD.replace("3.7.16", "3.7.7") + LINE).id != one.id


def test_an_environment_s_name_says_what_is_in_it():
    ray = Item("wheel", "ray.whl", "0" * 64, 7, "https://mirror.example/ray.whl")
    lock = Lock("linux-64", "3.11.2", "2.52.0", "", (ray,))
    assert lock.env_id.startswith("ray-2.52.0-py3.11.2-")
    elsewhere = replace(lock, items=(replace(ray, url="https://other.example/ray.whl"),))
    assert elsewhere.env_id == lock.env_id
    for other in (replace(lock, items=(replace(ray, sha256="1" * 64),)), replace(lock, python="3.11.3")):
        assert other.env_id.split("-")[-1] != lock.env_id.split("-")[-1]
