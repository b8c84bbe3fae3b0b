"""The driver that drains, beside a stand-in for Ray: whom it asks for, and how long it waits."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tasks.node.operations import drain_script

RAYLET = """
import json, pathlib, time
folder = pathlib.Path(__file__).parents[2]
begun = time.time()


def notes():
    path = folder / "notes"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class GcsClient:
    def __init__(self, address):
        pass

    def drain_node(self, node_id, reason, message, deadline):
        with (folder / "notes").open("a") as file:
            file.write(json.dumps([node_id, reason, message, deadline - int(time.time() * 1000)]) + "\\n")
        return (node_id != "no", "it is the head" if node_id == "no" else "")


class GcsClientOptions:
    @staticmethod
    def create(address, *more, **how):
        return address


class GlobalStateAccessor:
    def __init__(self, options):
        pass

    def connect(self):
        return not (folder / "silent").exists()

    def get_node_table(self):
        drained = [one[0] for one in notes()]
        stays = json.loads((folder / "stays.json").read_text())
        return [
            {**node, "Alive": node["Alive"] and (node["NodeID"] not in drained or node["NodeID"] in stays)}
            for node in json.loads((folder / "nodes.json").read_text())
        ]
"""
REASON = """
class DrainNodeReason:
    @staticmethod
    def Value(name):
        return {"DRAIN_NODE_REASON_PREEMPTION": 2}[name]
"""


def node(node_id, ip, name, alive=True):
    return {"NodeID": node_id, "NodeManagerAddress": ip, "NodeName": name, "Alive": alive}


NODES = [
    node("h", "10.0.0.1", "head"),
    node("old", "10.0.0.2", "one", alive=False),
    node("a", "10.0.0.2", "one"),
    node("b", "10.0.0.3", "two"),
    node("no", "10.0.0.4", "three"),
]


@pytest.fixture
def drain(tmp_path):
    def has(name, text):
        path = tmp_path / f"site/{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def do(*nodes, seconds=20, stays=()):
        (tmp_path / "stays.json").write_text(json.dumps(list(stays)))
        script = drain_script("lab", "10.0.0.1:6379", nodes, seconds=seconds, why="fab drain by me")
        done = subprocess.run(
            [sys.executable, "-", script.values["SPEC"]],
            input=script.values["DRIVER"],
            env={"PYTHONPATH": str(tmp_path / "site")},
            capture_output=True,
            text=True,
            timeout=60,
        )
        said = [json.loads(line[3:]) for line in done.stdout.splitlines() if line.startswith("RF ")]
        asked = tmp_path / "notes"
        return (
            done,
            said,
            [json.loads(line) for line in asked.read_text().splitlines()] if asked.exists() else [],
        )

    for name, text in {
        "ray/__init__": "",
        "ray/_raylet": RAYLET,
        "ray/core/__init__": "",
        "ray/core/generated/__init__": "",
        "ray/core/generated/autoscaler_pb2": REASON,
    }.items():
        has(name, text)
    (tmp_path / "nodes.json").write_text(json.dumps(NODES))
    do.folder = tmp_path
    return do


def test_it_finds_the_living_node_and_waits_until_it_has_left(drain):
    done, said, asked = drain(["one", "10.0.0.2", ""], ["two", "10.0.0.3", "b"])
    assert done.returncode == 0, done.stderr
    assert [one[:3] for one in asked] == [["a", 2, "fab drain by me"], ["b", 2, "fab drain by me"]]
    assert all(15_000 < one[3] <= 20_000 for one in asked)
    assert {one["node"] for one in said if "left" in one and one["left"] is not None} == {"one", "two"}
    assert said[-1] == {"done": True}


def test_what_stays_until_the_deadline_is_named(drain):
    done, said, _ = drain(["one", "", ""], ["two", "", ""], seconds=1, stays=["a"])
    assert done.returncode == 0, done.stderr
    assert {"node": "one", "left": None} in said
    assert "RFSTEP waiting for the work on one" in done.stdout


def test_one_that_is_not_there_and_one_that_is_refused(drain):
    done, said, asked = drain(["two", "10.0.0.3", "old-id"], ["three", "", ""])
    assert done.returncode == 0, done.stderr
    assert {"node": "two", "there": False} in said
    assert {"node": "three", "refused": "it is the head"} in said
    assert [one[0] for one in asked] == ["no"]


def test_a_gcs_that_does_not_answer_is_a_failure(drain):
    (drain.folder / "silent").write_text("")
    done, said, _ = drain(["one", "", ""])
    assert done.returncode == 1
    assert "no GCS answers at 10.0.0.1:6379" in done.stderr
    assert {"done": True} not in said
