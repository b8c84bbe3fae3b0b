"""`fab test-head`: what it asks, and what it says of what came back."""

from __future__ import annotations

import json
import re

import pytest

from tasks.phases import kill_head, operation
from tests.phases.world import said

LOOK, KILL = "look at what outlives the head", "kill the head"


@pytest.fixture
def tested(fleet, world, monkeypatch):
    """tested(state, after): `fab test-head` of a head whose state is so, and what is there after each kill."""
    monkeypatch.setattr(kill_head.time, "sleep", lambda seconds: None)

    def run(state: str, *, yes: bool = True, **after):
        fleet.edit("cluster: lab\n", f'cluster: lab\nray: {{version: "2.60.0", state: {state}}}\n')
        for host in world.hosts.values():
            host.facts["mount"] = "home ext4 rw /"
        assert fleet.operate(operation.DEPLOY) == 0
        head, calls = world["head"], iter(range(1, 100))
        found = {"nodes": ["n1", "n2"], "groups": [["g1", "CREATED"]], "actor": [77, 1]}
        asked = []

        def look(script):
            spec = json.loads(re.search(r"SPEC='(.*)'", script).group(1))
            asked.append(spec["do"])
            now = {**found, "actor": [77, next(calls)], **(after if spec["do"] == "look" else {})}
            return said(texts={"answer": [json.dumps(now)]})

        head.replies = {LOOK: look, KILL: said([("killed", "1")])}
        fleet.yes = yes
        code = fleet.operate(operation.TEST_HEAD, what="test-head")
        return code, asked

    return run


def test_what_survived_is_said_and_nothing_is_left(tested, fleet):
    code, asked = tested("kept")
    assert code == 0, fleet.out
    assert fleet.out.count("survived: nodes, the actor, the placement group") == 2
    assert asked == ["make", "look", "look", "clean"]


@pytest.mark.parametrize(
    ("after", "what"),
    [
        ({"nodes": ["n1", "n3"]}, "nodes"),
        ({"actor": [78, 1]}, "the actor"),
        ({"groups": []}, "the placement group"),
        ({"groups": [["g1", "RESCHEDULING"]]}, "the placement group"),
    ],
)
def test_what_should_have_survived_and_did_not_is_a_failure(tested, fleet, after, what):
    code, asked = tested("kept", **after)
    assert code == 1
    assert f"did not survive: {what}" in fleet.out
    assert asked[-1] == "clean"


def test_in_memory_what_is_lost_is_said_before_and_after(tested, fleet):
    code, _ = tested("memory", nodes=["n3", "n4"], actor=None, groups=[])
    assert code == 0, fleet.out
    assert "in memory: every worker's node, all actors" in "\n".join(fleet.asked[-1])
    assert fleet.out.count("lost: nodes, the actor, the placement group") == 2


def test_no_changes_nothing(tested, fleet, world):
    code, asked = tested("kept", yes=False)
    assert (code, asked) == (1, [])
    assert KILL not in world["head"].titles


def test_a_head_that_does_not_run(fleet, world):
    assert fleet.operate(operation.TEST_HEAD, what="test-head") == 1
    assert "the head does not run" in fleet.out
