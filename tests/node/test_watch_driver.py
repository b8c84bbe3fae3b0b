"""The watch of a node, really run: with a stand-in for `ray start` whose raylet is a process of that name."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tasks.node import heal
from tests.script.processes import until
from tests.script.shells import stand_in, tool

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")

# seconds, made short
SHORT = {"LOOK": 0.1, "ASK": 0.2, "SOON": 0.1, "START": 2, "TRIES": 1}


class Agent(BaseHTTPRequestHandler):
    """A stand-in for Ray's agent, and for the dashboard."""

    def do_GET(self):
        self.send_response(self.server.says_of_gcs if "gcs" in self.path else self.server.says)
        self.end_headers()

    def log_message(self, *args):
        pass


class World:
    """One node: its watch, the head's port, the agent."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "life.json"
        shutil.copy(tool("sleep"), folder / "raylet")
        # as `ray start --block`: it stays when its raylet ends in peace
        start = f"'{folder}/raylet' 600 & echo $! >'{folder}/pid'; trap 'kill $!; exit 0' TERM"
        text = f"{start}; wait; wait; sleep 600 & wait"
        stand_in(folder, "ray", text)
        program = heal.program()
        for name, seconds in SHORT.items():
            lines = [line for line in program.splitlines() if line.startswith(f"{name} = ")]
            program = program.replace(lines[0], f"{name} = {seconds}")
        # at least a second lies between two rounds
        program = program.replace("time.monotonic(), 1)", "time.monotonic(), 0.1)")
        (folder / "watch.py").write_text(program)
        self.gcs = socket.create_server(("127.0.0.1", 0), backlog=500)
        self.port = self.gcs.getsockname()[1]
        self.agent = HTTPServer(("127.0.0.1", 0), Agent)
        self.agent.says = self.agent.says_of_gcs = 200
        threading.Thread(target=self.agent.serve_forever, args=(0.05,), daemon=True).start()
        self.running: list[subprocess.Popen] = []

    def start(
        self, role: str = "worker", heals: bool = True, words: list[str] | None = None
    ) -> subprocess.Popen:
        told = {
            "file": str(self.file),
            "box": "",
            "gcs": f"127.0.0.1:{self.port}",
            "agent": f"127.0.0.1:{self.agent.server_port}",
            "dashboard": f"127.0.0.1:{self.agent.server_port}" if role == "head" else "",
            "head": role == "head",
            "heal": heals,
        }
        words = words or [str(self.folder / "ray"), "start", "--block"]
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-I", self.folder / "watch.py", json.dumps(told), *words]
            watch = subprocess.Popen(command, stdout=log, stderr=log)
        self.running.append(watch)
        return watch

    @property
    def life(self) -> dict:
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self.file.read_text())
        return {}

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def up(self, **more) -> tuple[subprocess.Popen, int]:
        """A node that runs and has joined."""
        (self.folder / "pid").unlink(missing_ok=True)
        watch = self.start(**more)
        until(lambda: self.life.get("phase") == "running" and self.life.get("joined"))
        return watch, int((self.folder / "pid").read_text())

    def end(self) -> None:
        for watch in self.running:
            if watch.poll() is None:
                watch.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    watch.wait(30)
                watch.kill()
                watch.wait()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if str(self.folder) in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(int(pid), signal.SIGKILL)
        self.gcs.close()
        self.agent.shutdown()
        self.agent.server_close()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.end()


def test_ends_with_its_raylet_although_ray_s_command_stays(world):
    watch, raylet = world.up()
    os.kill(raylet, signal.SIGTERM)
    assert watch.wait(30) == 1
    assert "its raylet has ended" in world.log
    assert world.life["faults"] == [] and world.life["phase"] == "ended"
    world.up()
    assert len(world.life["starts"]) == 2


def test_hands_on_the_signal_that_ends_it(world):
    watch, raylet = world.up()
    begun = time.monotonic()
    watch.terminate()
    assert watch.wait(30) in (0, 143)
    assert time.monotonic() - begun < 9
    until(lambda: not Path(f"/proc/{raylet}").exists())
    assert world.life["faults"] == []


def test_a_program_that_is_not_there(world):
    assert world.start(words=["/none"]).wait(10) == 127
    assert "cannot run /none" in world.log


@pytest.mark.parametrize("role", ["head", "worker"])
def test_three_silent_answers_are_a_fault(world, role):
    watch, raylet = world.up(role=role)
    world.agent.says = 503
    assert watch.wait(30) == 1
    assert [why for _, why in world.life["faults"]] == ["its agent does not say that the raylet is healthy"]
    until(lambda: not Path(f"/proc/{raylet}").exists())


def test_a_stopped_raylet_is_silent(world):
    watch, raylet = world.up()
    os.kill(raylet, signal.SIGSTOP)
    assert watch.wait(30) == 1
    assert [why for _, why in world.life["faults"]] == ["its raylet is stopped"]


@pytest.mark.parametrize("answer", [200, 404, 500])
def test_a_gcs_of_which_the_dashboard_does_not_know_counts_for_nothing(world, answer):
    """Ray's own answer is 503."""
    world.agent.says_of_gcs = answer
    watch, _ = world.up(role="head")
    time.sleep(1.5)
    assert watch.poll() is None and world.life["faults"] == []


def test_a_gcs_that_takes_connections_and_answers_none(world):
    """What is left of it is ended by force: SIGSTOP is how it was made to hang, and SIGTERM would wait."""
    shutil.copy(tool("sleep"), world.folder / "gcs_server")
    text = (world.folder / "ray").read_text()
    more = f"'{world.folder}/gcs_server' 600 & echo $! >'{world.folder}/gcs.pid'; "
    (world.folder / "ray").write_text(
        text.replace(f"'{world.folder}/raylet'", more + f"'{world.folder}/raylet'")
    )
    watch, raylet = world.up(role="head")
    gcs = int((world.folder / "gcs.pid").read_text())
    os.kill(gcs, signal.SIGSTOP)
    world.agent.says_of_gcs = 503
    assert watch.wait(30) == 1
    assert [why for _, why in world.life["faults"]] == ["its GCS does not answer"]
    until(lambda: not Path(f"/proc/{raylet}").exists() and not Path(f"/proc/{gcs}").exists())


def test_a_worker_does_not_count_what_is_its_head_s(world):
    world.agent.says_of_gcs = 503
    watch, _ = world.up(role="worker")
    time.sleep(1.5)
    assert watch.poll() is None and world.life["faults"] == []


def test_off(world):
    watch = world.start(heals=False)
    until(lambda: world.life.get("phase") == "running")
    raylet = int((world.folder / "pid").read_text())
    os.kill(raylet, signal.SIGSTOP)
    time.sleep(1.5)
    assert watch.poll() is None
    os.kill(raylet, signal.SIGCONT)
    os.kill(raylet, signal.SIGTERM)
    assert watch.wait(30) == 1


def test_an_agent_that_has_never_answered_counts_for_nothing(world):
    """Without Ray's dashboard there is none."""
    world.agent.says = 404
    watch = world.start()
    until(lambda: world.life.get("joined"))
    time.sleep(1.5)
    assert watch.poll() is None and world.life["faults"] == []


class TestBudget:
    def faults(self, world, count: int, ago: int = 60) -> None:
        """That many before, in this boot."""
        known = {**world.life, "faults": [[int(time.time()) - ago, "made up"]] * count}
        world.file.write_text(json.dumps(known))

    def test_the_fourth_fault_within_an_hour_is_the_last(self, world, monkeypatch):
        watch, _ = world.up()
        watch.terminate()
        watch.wait()
        self.faults(world, 3)
        (world.folder / "watch.py").write_text(
            (world.folder / "watch.py").read_text().replace("(0, 10, 30,", "(0, 0, 0,")
        )
        watch, raylet = world.up()
        os.kill(raylet, signal.SIGSTOP)
        assert watch.wait(30) == 1
        assert world.life["phase"] == "down"
        # started again by its supervisor, it does nothing
        watch = world.start()
        until(lambda: "stays down: its raylet is stopped" in world.log)
        assert watch.poll() is None and len(world.life["starts"]) == 2
        watch.terminate()
        assert watch.wait(30) == 0
        # a reboot begins anew, and so does a deploy, which removes the file
        world.file.write_text(json.dumps({**world.life, "boot": "another"}))
        world.up()
        assert world.life["faults"] == []

    def test_those_of_earlier_hours_do_not_count(self, world):
        watch, _ = world.up()
        watch.terminate()
        watch.wait()
        self.faults(world, 9, ago=4000)
        world.up()
        assert world.life["faults"] == []

    def test_a_pause_before_it_starts_again(self, world):
        watch, _ = world.up()
        watch.terminate()
        watch.wait()
        self.faults(world, 2)
        watch = world.start()
        until(lambda: world.life["phase"] == "pause")
        watch.terminate()
        assert watch.wait(30) == 0

    def test_a_node_that_ends_by_itself_soon_after_it_joined(self, world):
        """As one that the head cannot reach: Ray ends it after a minute."""
        watch, raylet = world.up()
        ray = int(Path(f"/proc/{raylet}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(ray, signal.SIGKILL)
        assert watch.wait(30) == 137
        assert "after its start" in world.life["faults"][0][1]

    def test_unless_its_head_was_away_meanwhile(self, world):
        watch, raylet = world.up()
        world.gcs.close()
        until(lambda: "away" in world.life)
        ray = int(Path(f"/proc/{raylet}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(ray, signal.SIGKILL)
        assert watch.wait(30) == 137
        assert world.life["faults"] == []
        # it waits for its head
        watch = world.start()
        until(lambda: world.life["phase"] == "waiting" and "away" in world.life)
        world.gcs = socket.create_server(("127.0.0.1", world.port), backlog=500)
        until(lambda: world.life["phase"] == "running" and "away" not in world.life)

    def test_a_file_that_cannot_be_written(self, world):
        """Without a memory nothing would end the starts."""
        world.file.mkdir()
        watch = world.start()
        until(lambda: (world.folder / "pid").exists() and "cannot write" in world.log)
        time.sleep(1)
        os.kill(int((world.folder / "pid").read_text()), signal.SIGSTOP)
        time.sleep(2)
        assert watch.poll() is None


def test_the_first_start_after_a_deploy_asks_ray_itself(world):
    """Whatever the head's port says: then the deploy hears Ray's own words."""
    world.gcs.close()
    world.start()
    until(lambda: (world.folder / "pid").exists())
