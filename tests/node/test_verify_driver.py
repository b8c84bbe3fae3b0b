"""The driver that asks Ray, beside a stand-in for Ray: what of it shows in Ray's own lists."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tasks.node.operations import _driver

NODE = {
    "NodeID": "a1",
    "NodeManagerAddress": "10.0.0.1",
    "NodeName": "head",
    "Alive": True,
    "Resources": {"CPU": 4.0, "node:x": 1.0},
}

RAY = """
import json, pathlib
folder = pathlib.Path(__file__).parents[2]


def note(**what):
    with (folder / "notes").open("a") as file:
        file.write(json.dumps(what) + "\\n")


def init(**how):
    note(**how)


def nodes():
    return [json.loads((folder / "node.json").read_text())]


def remote(**options):
    note(**options)

    class Task:
        def __init__(self, function):
            self.function = function

        def options(self, **more):
            return self

        def remote(self):
            return self.function

    return Task


def wait(tasks, **how):
    return tasks, []


def get(task):
    return task()
"""

STATE = """
import ray
class GlobalState:
    def _initialize_global_state(self, options):
        ray.note(options=options)
    def node_table(self):
        return ray.nodes()
"""


class Ray:
    def __init__(self, folder):
        self.folder = folder
        self.has("ray/util/__init__", "")
        self.has("ray/util/scheduling_strategies", "class NodeAffinitySchedulingStrategy(dict): pass")
        self.has("ray/_private/__init__", "")
        self.has("ray/_private/state", STATE)
        self.has("ray/_private/services", "def _get_gcs_client_options(address): return address")
        (folder / "node.json").write_text(json.dumps(NODE))

    def has(self, name, text):
        path = self.folder / f"site/{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def ask(self, *, tasks, version="2.60.0", expect=(("head", "10.0.0.1"),), fails=False):
        """The answer, and what Ray was told."""
        self.has("ray/__init__", f"__version__ = {version!r}\n{RAY}")
        spec = {
            "address": "10.0.0.1:6379",
            "expect": list(expect),
            "tasks": tasks,
            "timeout": 5.0,
            "answer": 3,
        }
        done = subprocess.run(
            [sys.executable, "-", json.dumps(spec)],
            input=_driver("verify"),
            env={"PYTHONPATH": str(self.folder / "site")},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode != 0) == fails, done.stderr
        said = [json.loads(line[3:]) for line in done.stdout.splitlines() if line.startswith("RF ")]
        if fails:
            return said, done.stderr.splitlines()
        assert said[:2] == [{"asked": True}, {"answered": True}]
        return said[2:], [json.loads(line) for line in (self.folder / "notes").read_text().splitlines()]


@pytest.fixture
def ray(tmp_path):
    return Ray(tmp_path)


def test_the_node_table_is_read_without_a_driver(ray):
    (node, end), told = ray.ask(tasks=False, expect=())
    assert (node["node_id"], node["alive"], node["resources"]) == ("a1", True, {"CPU": 4.0})
    assert (end["done"], end["ray"]) == (True, "2.60.0")
    assert told[0] == {"options": "10.0.0.1:6379"}
    assert not [how for how in told if "namespace" in how]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("services", "pass"),
        ("services", "def _get_gcs_client_options(): pass"),
        ("state", "pass"),
        ("state", "class GlobalState: pass"),
    ],
)
def test_a_ray_that_has_no_such_way_is_asked_by_a_driver(ray, name, text):
    ray.has(f"ray/_private/{name}", text)
    (node, _), told = ray.ask(tasks=False, expect=())
    assert node["node_id"] == "a1"
    assert [how["namespace"] for how in told if "namespace" in how] == ["_ray_internal_rayfab"]


@pytest.mark.parametrize(("version", "known"), [("2.7.2", False), ("2.10.0", True), ("2.60.0", True)])
def test_a_driver_with_tasks_is_in_no_list_of_ray(ray, version, known):
    (node, _), (connected, task) = ray.ask(tasks=True, version=version)
    assert "task" in node
    assert connected["namespace"].startswith("_ray_internal_")
    assert task == {"num_cpus": 0, "max_retries": 0} | ({"enable_task_events": False} if known else {})


class TestANodeThatHasJustStarted:
    """`status` waits for it, since Ray counts a node as alive for a minute that the head cannot reach."""

    def test_runs_a_task_once(self, ray):
        session = ray.folder / "session_1"
        (session / "sockets").mkdir(parents=True)
        (session / "sockets/raylet").touch()
        has = {**NODE, "RayletSocketName": str(session / "sockets/raylet")}
        (ray.folder / "node.json").write_text(json.dumps(has))
        (node, _), told = ray.ask(tasks=False)
        assert "hostname" in node["task"]
        assert [how["namespace"] for how in told if "namespace" in how] == ["_ray_internal_rayfab"]
        assert (session / "rayfab_tasks_ran").read_text() == "a1\n"
        (ray.folder / "notes").unlink()
        (node, _), told = ray.ask(tasks=False)
        assert node["task"] == {"before": True}
        assert not [how for how in told if "namespace" in how]
        # another start of the node has another id
        (ray.folder / "node.json").write_text(json.dumps({**has, "NodeID": "b2"}))
        (node, _), told = ray.ask(tasks=False)
        assert "hostname" in node["task"]

    @pytest.mark.parametrize("expect", [("head", "10.0.0.9"), ("other", "10.0.0.1")])
    def test_another_node_runs_none(self, ray, expect):
        (node, _), told = ray.ask(tasks=False, expect=[expect])
        assert "task" not in node
        assert not [how for how in told if "namespace" in how]

    def test_at_whatever_address(self, ray):
        (node, _), _ = ray.ask(tasks=False, expect=[("head", "")])
        assert "task" in node


def test_a_gcs_that_hangs_ends_the_driver_although_it_holds_all_threads_back(ray):
    hold = "import ctypes\n        ctypes.PyDLL(None).sleep(60)"
    ray.has("ray/_private/state", STATE.replace("ray.note(options=options)", hold))
    said, errors = ray.ask(tasks=False, expect=(), fails=True)
    assert said == [{"asked": True}]
    assert errors[0].startswith("Timeout (")
    assert errors[-1].strip().startswith('File "')
