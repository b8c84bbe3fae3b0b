"""The hold of a node: its words, its file on the host, and the start script that waits while it is there."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from tasks.node.hold import Hold, hold_script, parse
from tests.script.nodes import Node
from tests.script.processes import until
from tests.script.shells import SHELLS

MAINTENANCE = Hold("maintenance", "2026-01-02 03:04 UTC", "alice@laptop", "it's hot")


class TestWords:
    def test_say_why_and_since_when(self):
        assert str(MAINTENANCE) == "in maintenance since 2026-01-02 03:04 UTC: it's hot"
        assert str(Hold("drain", "2026-01-02 03:04 UTC")) == "drained since 2026-01-02 03:04 UTC"
        assert str(Hold("restart")) == "held by a rolling restart"

    def test_come_back_from_the_host(self):
        text = hold_script("lab", MAINTENANCE).values["HOLD"]
        assert "\n" not in text
        assert parse(text) == MAINTENANCE

    @pytest.mark.parametrize("text", ["", "  \n"])
    def test_no_file_is_no_hold(self, text):
        assert parse(text) is None

    @pytest.mark.parametrize("text", ["{", "7", '{"kind": "other"}', "[]"])
    def test_a_file_that_cannot_be_read_holds_the_node(self, text):
        assert parse(text) == Hold("drain")

    def test_a_reason_controls_no_terminal(self):
        why = parse(json.dumps({"kind": "maintenance", "why": "a\x1b[2J\nb" + "x" * 500})).why
        assert why.isprintable()
        assert len(why) == 200


@pytest.fixture(params=SHELLS)
def node(request, tmp_path):
    made = Node(request.param, tmp_path / "home")
    yield made
    made.end()


class TestOnAHost:
    def test_a_node_that_ends_is_not_started_until_a_start_on_purpose(self, node):
        node.up()
        (first,) = node.rays
        assert node.ask(hold_script("lab", MAINTENANCE)).ok
        assert node.rays == [first]
        subprocess.run(["kill", str(first)], check=True)
        until(lambda: not node.rays)
        time.sleep(2)
        assert node.rays == []
        answer, _, _ = node.up()
        assert answer.ok
        assert len(node.rays) == 1
        assert not (node.folder / "hold").exists()

    def test_a_node_that_waits_can_be_stopped(self, node):
        node.up()
        node.ask(hold_script("lab", MAINTENANCE))
        subprocess.run(["kill", str(node.rays[0])], check=True)
        until(lambda: not node.rays)
        assert node.stop().ok
        assert (node.folder / "hold").exists()
        assert not (node.folder / "loop.pid").exists()

    def test_it_ends_and_leaves_nothing_where_nothing_was(self, node):
        before = sorted(node.home.rglob("*"))
        assert node.ask(hold_script("other", MAINTENANCE)).ok
        assert parse((node.home / ".rayfab/other/hold").read_text()) == MAINTENANCE
        assert node.ask(hold_script("other", None)).ok
        assert sorted(node.home.rglob("*")) == before
