"""A node on a Windows host that heals, is held back, and says so: the loop and the watch really run.

Stand-ins: PowerShell, the Task Scheduler, Ray, and the psutil in Ray's wheel (tests/standins/windows).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from http.server import HTTPServer
from pathlib import Path

import pytest

from tasks import runtimes
from tasks.node import operations
from tasks.node.drivers import life_book
from tasks.node.hold import Hold, hold_script
from tasks.runtimes.facts import parse_facts
from tests.node.test_watch_driver import SHORT, Agent
from tests.runtimes.conda.test_windows_conda import HOST, CondaMachine
from tests.script.processes import alive, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")

MAINTENANCE = Hold("maintenance", "2026-01-02 03:04 UTC", "alice@laptop", "it's hot")


class Node:
    """A deployed host whose watch asks ports of this machine, and does not take its time."""

    def __init__(self, folder: Path) -> None:
        self.win = CondaMachine(folder)
        self.gcs = socket.create_server(("127.0.0.1", 0), backlog=500)
        self.port = self.gcs.getsockname()[1]
        self.agent = HTTPServer(("127.0.0.1", 0), Agent)
        self.agent.says = self.agent.says_of_gcs = 200
        threading.Thread(target=self.agent.serve_forever, args=(0.05,), daemon=True).start()
        self.win.deployed()

    def again(self, **told: object) -> None:
        """As after a deploy. :param told: what the watch is told besides."""
        self.win.machine.kill_all()
        program = self.win.node("watch.py").read_text()
        for name, seconds in SHORT.items():
            lines = [line for line in program.splitlines() if line.startswith(f"{name} = ")]
            program = program.replace(lines[0], f"{name} = {seconds}")
        program = program.replace("time.monotonic(), 1)", "time.monotonic(), 0.1)")
        self.win.node("watch.py").write_text(program.replace("(0, 10, 30,", "(0, 0, 0,"))
        spec = json.loads(self.win.node("loop.json").read_text())
        known = json.loads(spec["words"][3])
        known |= {"gcs": f"127.0.0.1:{self.port}", "agent": f"127.0.0.1:{self.agent.server_port}"}
        known |= {"head": False, "dashboard": "", "heal": True, **told}
        spec["words"][3], spec["pause"] = json.dumps(known), 0.1
        self.win.node("loop.json").write_text(json.dumps(spec))
        for name in ("life.json", "hold"):
            self.win.node(name).unlink(missing_ok=True)
        self.win.machine.reboot()

    def up(self, **told: object) -> int:
        """The number of a raylet that has joined."""
        self.again(**told)
        until(lambda: self.book.get("phase") == "running" and self.book.get("joined"))
        return self.raylet

    @property
    def book(self) -> dict:
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self.win.node("life.json").read_text())
        return {}

    @property
    def raylet(self) -> int:
        (found,) = self.win.machine.running("raylet")
        return found

    @property
    def log(self) -> str:
        files = [self.win.node(name) for name in ("start.log.1", "start.log")]
        return "".join(file.read_text() for file in files if file.exists())

    def facts(self):
        answer = self.win.look()
        assert answer.ok, answer.error
        return parse_facts(HOST, answer.all, answer.texts)

    def life(self):
        return runtimes.of(HOST).life(self.facts())

    def heals(self, raylet: int) -> None:
        """Another raylet runs in its place, and the old one is gone."""
        until(lambda: not alive(raylet) and self.win.machine.running("raylet"))

    def close(self) -> None:
        self.win.close()
        self.gcs.close()
        self.agent.shutdown()
        self.agent.server_close()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    made = Node(tmp_path_factory.mktemp("node"))
    yield made
    made.close()


@pytest.fixture
def node(deployed):
    deployed.agent.says = deployed.agent.says_of_gcs = 200
    yield deployed
    with contextlib.suppress(FileNotFoundError):
        deployed.win.unflag("raylet-ends-in-peace")


class TestHeals:
    def test_a_raylet_that_has_gone_while_ray_s_command_stays(self, node):
        node.win.flags("raylet-ends-in-peace")
        raylet = node.up()
        os.kill(raylet, signal.SIGTERM)
        node.heals(raylet)
        until(lambda: len(node.book["starts"]) == 2 and node.book["phase"] == "running")
        assert "its raylet has ended, so the node is started again" in node.log
        assert node.book["faults"] == []

    def test_an_agent_that_is_silent(self, node):
        raylet = node.up()
        node.agent.says = 503
        node.heals(raylet)
        why = "its agent does not say that the raylet is healthy"
        until(lambda: node.book["faults"])
        assert node.book["faults"][0][1] == why
        assert node.facts().watched.why == why

    def test_a_head_whose_gcs_does_not_answer(self, node):
        raylet = node.up(head=True, dashboard=f"127.0.0.1:{node.agent.server_port}")
        node.agent.says_of_gcs = 503
        node.heals(raylet)
        until(lambda: node.book["faults"])
        assert node.book["faults"][0][1] == "its GCS does not answer"

    def test_a_worker_waits_for_a_head_that_is_away_and_nothing_counts(self, node):
        raylet = node.up()
        node.gcs.close()
        until(lambda: "away" in node.book)
        assert node.life().apart is not None
        os.kill(raylet, signal.SIGKILL)
        until(lambda: node.book["phase"] == "waiting")
        assert node.win.machine.running("raylet") == {} and node.book["faults"] == []
        node.gcs = socket.create_server(("127.0.0.1", node.port), backlog=500)
        until(lambda: node.win.machine.running("raylet") and node.book["phase"] == "running")

    def test_the_fourth_fault_within_an_hour_is_the_last_until_a_reboot(self, node):
        node.up()
        node.win.machine.kill_all()
        made_up = [[int(time.time()) - 60, "made up"]] * 3
        # none of them is this node's own, so that it is not joined before it is asked
        node.win.node("life.json").write_text(json.dumps({**node.book, "faults": made_up, "joined": False}))
        node.win.machine.reboot()
        until(lambda: node.book["joined"])
        node.agent.says = 503
        until(lambda: node.book["phase"] == "down" and "stays down: its agent" in node.log)
        assert len(node.book["faults"]) == 4 and node.win.machine.running("raylet") == {}
        life = node.life()
        assert life.down and life.watched.faults == 4 and node.facts().active
        # a reboot begins anew: the system has been up for another time
        node.agent.says = 200
        node.win.node("life.json").write_text(json.dumps({**node.book, "boot": "1"}))
        node.win.machine.reboot()
        until(lambda: node.win.machine.running("raylet") and node.book["faults"] == [])

    def test_off(self, node):
        node.win.flags("raylet-ends-in-peace")
        raylet = node.up(heal=False)
        node.agent.says = 503
        time.sleep(2)
        assert node.raylet == raylet and node.book["faults"] == []
        os.kill(raylet, signal.SIGTERM)
        node.heals(raylet)

    def test_what_the_head_s_list_of_nodes_calls_it(self, node):
        node.up()
        life = node.life()
        assert (life.raylet, life.node_id, life.starting) == (True, "ab" * 28, False)
        assert node.facts().watched.starts == 1

    def test_what_has_outlived_its_ray_is_ended_first(self, node):
        """It would hold the ports."""
        raylet = node.up()
        machine = node.win.machine
        left = machine.start(machine.program_of(raylet), [], machine.environment())
        (ray,) = machine.running("ray")
        os.kill(raylet, signal.SIGKILL)
        assert left.wait(60) == -signal.SIGKILL
        left.communicate()
        until(lambda: machine.running("ray").keys() - {ray} and machine.running("raylet"))

    def test_ray_ends_with_the_loop(self, node):
        """The Task Scheduler starts another loop, and two would start two."""
        node.up()
        (loop,) = node.win.machine.running("pythonw")
        os.kill(loop, signal.SIGKILL)
        until(lambda: node.win.machine.running() == {})


class TestIsHeldBack:
    def test_a_node_that_ends_is_not_started_until_a_start_on_purpose(self, node):
        raylet = node.up()
        assert node.win.ask(hold_script("lab", MAINTENANCE)).ok
        assert node.raylet == raylet
        assert node.facts().hold == MAINTENANCE
        os.kill(raylet, signal.SIGKILL)
        until(lambda: node.win.machine.running("raylet") == {})
        time.sleep(1)
        assert node.win.machine.running("raylet") == {}
        # a reboot starts the loop, and the loop nothing
        node.win.machine.reboot()
        until(lambda: node.win.machine.running("pythonw"))
        time.sleep(1)
        assert node.win.machine.running("raylet") == {}
        assert node.facts().hold == MAINTENANCE
        answer = node.win.up()
        assert answer.ok, answer.error
        assert node.facts().hold is None and node.raylet

    def test_one_that_is_stopped_stays_held_back_and_says_so(self, node):
        node.up()
        node.win.ask(hold_script("lab", MAINTENANCE))
        assert node.win.ask(operations.stop_script("lab")).values == {"changed": "1"}
        assert node.facts().hold == MAINTENANCE and not node.facts().active
        assert node.win.ask(hold_script("lab", None)).ok
        assert node.facts().hold is None
        assert node.win.up().ok

    def test_it_ends_and_leaves_nothing_where_nothing_was(self, tmp_path):
        win = CondaMachine(tmp_path)
        try:
            assert win.ask(hold_script("lab", MAINTENANCE)).ok
            assert parse_facts(HOST, (said := win.look()).all, said.texts).hold == MAINTENANCE
            assert win.ask(hold_script("lab", None)).ok
            assert win.files("") == set()
        finally:
            win.close()


class TestTheBook:
    def test_is_written_although_somebody_reads_it(self, monkeypatch, tmp_path):
        """Windows refuses to replace a file that is open."""
        real, refused = os.replace, [1, 2]

        def replace(new, path):
            if refused:
                refused.pop()
                raise PermissionError(13, "Access is denied")
            real(new, path)

        monkeypatch.setattr(life_book.os, "replace", replace)
        book = life_book.Book(str(tmp_path / "life.json"), "")
        book.note(phase="running")
        assert book.kept and json.loads((tmp_path / "life.json").read_text())["phase"] == "running"

    def test_knows_a_boot_by_its_time_where_it_has_no_name(self, monkeypatch):
        def nothing(*_, **__):
            raise FileNotFoundError(2, "no such file")

        monkeypatch.setattr("builtins.open", nothing)
        monkeypatch.setattr(life_book.subprocess, "run", nothing)
        monkeypatch.setattr(life_book.time, "time", lambda: 10_000.0)
        monkeypatch.setattr(life_book.time, "monotonic", lambda: 1_000.0)
        assert life_book.boot("") == "9000"
        # the clock was set by half a minute
        assert life_book.boot("8970") == "8970"
        assert life_book.boot("3000") == "9000"
