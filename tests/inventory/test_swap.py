"""A worker becomes the head of a hosts file: what is written about other hosts stays as it is."""

from __future__ import annotations

import pytest

from tasks.inventory.edit import EditError
from tasks.inventory.swap import with_head

PLAIN = """\
# my cluster
cluster: lab
head: 10.0.0.1  # the leader
workers:
  - 10.0.0.2
  # a comment
  - {host: 10.0.0.3, name: two, labels: {zone: a}}
ray: {port: 6380}
"""
BLOCK = """\
head:  # the leader
  host: 10.0.0.1
  name: first
  user: alice
# the rest
workers:
  - host: 10.0.0.[2-4]
    name: w[2-4]
    user: bob
"""


def swapped(tmp_path, text: str, name: str, *, keep_old: bool = True) -> str:
    after, cluster = with_head(text, tmp_path / "hosts.yml", name, keep_old=keep_old)
    assert cluster.head.name == name
    return after


def test_of_short_forms(tmp_path):
    assert swapped(tmp_path, PLAIN, "10.0.0.2") == (
        PLAIN.replace("head: 10.0.0.1", "head: 10.0.0.2")
        .replace("  - 10.0.0.2\n", "")
        .replace("{zone: a}}\n", "{zone: a}}\n  - 10.0.0.1\n")
    )


def test_keys_go_along(tmp_path):
    after = swapped(tmp_path, PLAIN, "two")
    assert "head: {host: 10.0.0.3, name: two, labels: {zone: a}}  # the leader\n" in after
    assert "  - 10.0.0.2\n  - 10.0.0.1\n  # a comment\n" in after


def test_out_of_a_range_and_from_a_block(tmp_path):
    after = swapped(tmp_path, BLOCK, "w3")
    assert after.startswith("head: {host: 10.0.0.3, name: w3, user: bob}  # the leader\n# the rest\n")
    assert "  - host: 10.0.0.1\n    name: first\n    user: alice\n" in after


def test_the_old_head_leaves(tmp_path):
    after = swapped(tmp_path, BLOCK, "w2", keep_old=False)
    assert "10.0.0.1" not in after


def test_there_and_back(tmp_path):
    once = swapped(tmp_path, PLAIN, "10.0.0.2")
    assert swapped(tmp_path, once, "10.0.0.1").startswith(
        "# my cluster\ncluster: lab\nhead: 10.0.0.1  # the leader\n"
    )


def test_the_only_worker(tmp_path):
    after = swapped(tmp_path, "head: a\nworkers: [b]\n", "b")
    assert after == "head: b\nworkers: [a]\n" or "- a" in after


@pytest.mark.parametrize(
    "text", ["x: &h {host: a}\n", "head: &a {host: a, user: me}\nworkers: [{host: b, labels: {x: y}}, *a]\n"]
)
def test_what_cannot_be_edited_is_refused(tmp_path, text):
    with pytest.raises(Exception) as found:
        with_head(text, tmp_path / "hosts.yml", "b", keep_old=True)
    assert isinstance(found.value, EditError) or "hosts.yml" in str(found.value)
