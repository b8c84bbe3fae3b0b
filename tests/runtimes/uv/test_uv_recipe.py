"""When a build of Python belongs into a lock."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import Lock
from tasks.runtimes.uv import builds
from tasks.runtimes.uv.steps import recipe
from tests.script import samples

BUILD = Item("python", "cpython-3.12.16.tar.gz", "0" * 64, 30_000_000, "https://m.example/cpython")
WHEEL = Item("wheel", "ray-2.60.0-py3-none-any.whl", "1" * 64, 60_000_000, "https://p.example/ray")
LOCK = Lock("linux-64", "3.12.16", "2.60.0", "request", (WHEEL,), "uv")


@pytest.fixture(autouse=True)
def find(monkeypatch):
    """There is a build of each version; what is asked for is recorded."""
    asked = []
    monkeypatch.setattr(builds, "find", lambda host, *wanted: asked.append(wanted[:2]) or BUILD)
    return asked


def node(*pythons: str):
    found = tuple((version, f"/usr/bin/python{version}") for version in pythons)
    return SimpleNamespace(facts=samples.subject(pythons=found).facts)


def completed(*nodes, lock: Lock = LOCK) -> Lock:
    return recipe.RECIPE.complete(samples.host(), nodes, lock)


def test_where_all_have_it_there_is_none(find):
    assert completed(node("3.12.16"), node("3.11.2", "3.12.16")) == LOCK and find == []


def test_for_one_host_that_lacks_it(find):
    found = completed(node("3.12.16"), node("3.12.3"))
    assert found.items == (BUILD, WHEEL) and find == [("3.12.16", "linux-64")]
    assert found.env_id == LOCK.env_id, "the hosts that have it would get another environment"


def test_for_any_host_that_may_come():
    assert completed().of("python") == [BUILD]


def test_the_one_in_the_lock_stays(find):
    kept = replace(LOCK, items=(BUILD, WHEEL))
    assert completed(node(), lock=kept) == kept and find == []
