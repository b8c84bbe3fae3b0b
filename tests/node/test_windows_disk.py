"""Disk space on a Windows host with conda: the program that removes what is old really runs, on folders made up here.

What the stand-in cannot show is that Windows removes no file that is open: there nothing else protects one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tasks.node import operations
from tasks.run.disk import parse_usage
from tests.node.test_prune import NODE_ID, NOW, OLD, OLDER, put
from tests.runtimes.conda.test_windows_conda import ENV, HOST, CondaMachine
from tests.script.processes import until
from tests.standins.windows import programs

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")


class Host:
    """A deployed host with two sessions that are over, an old environment, and half a download."""

    def __init__(self, folder: Path) -> None:
        self.win = CondaMachine(folder)
        self.win.deployed()
        self.temp = self.win.node("ray")
        self.fill()

    def fill(self) -> None:
        put(self.temp / OLDER / "logs/raylet.out", days=40)
        put(self.temp / OLD / "logs/raylet.out", 5000, days=3)
        put(self.temp / NOW / f"ray_spilled_objects_{NODE_ID}/a", 200, days=3)
        put(self.temp / NOW / "logs/raylet.out", days=0)
        put(self.win.node(r"envs\gone") / "lib", 1 << 16)
        put(self.win.at(r".rayfab\.store\half.whl.part"), 77)
        put(self.win.at(r".rayfab\.store\new.whl.part"), 77, days=0)

    def ask(self, mode: str):
        answer = self.win.ask(operations.disk_script(HOST, "lab", mode))
        assert answer.ok, answer.error
        return parse_usage(answer.all, answer.texts)

    def sessions(self) -> set[str]:
        return {path.name for path in self.temp.glob("session_2*")}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    made = Host(tmp_path_factory.mktemp("disk"))
    yield made
    made.win.close()


@pytest.fixture
def host(deployed):
    deployed.fill()
    return deployed


def test_sizes(host):
    usage = host.ask("sizes")
    assert usage.unread == ""
    assert usage.size("sessions") == 5010 and usage.size("spill") == 200 and usage.size("logs") >= 10
    states = {
        item.what.rpartition("\\")[2]: item.state for item in usage.items if item.kind == "environments"
    }
    assert states == {ENV: "used", "gone": "old", ".store": "used"}
    assert set(usage.free) == {"ray", "home"} and 0 < usage.free["ray"][0] < usage.free["ray"][1]


def test_list_says_what_clean_removes(host):
    program = host.win.node(r"envs\busy\python.exe")
    programs.put(program)
    busy = host.win.machine.start(r"C:\Users\me\.rayfab\lab\envs\busy\python.exe", ["-"], {})
    try:
        listed = host.ask("list")
        assert {item.state for item in listed.items} == {"old"}
        names = {Path(item.what.replace("\\", "/")).name for item in listed.items}
        assert {OLD, OLDER, "gone", "half.whl.part"} <= names
        assert not names & {"busy", "new.whl.part", NOW, ENV}
        assert host.sessions() >= {OLD, OLDER, NOW}
        cleaned = host.ask("clean")
    finally:
        busy.kill()
        busy.communicate()
    assert [(i.kind, i.size, i.what) for i in cleaned.items] == [
        (i.kind, i.size, i.what) for i in listed.items
    ]
    assert {item.state for item in cleaned.items} == {"removed"}
    assert NOW in host.sessions() and not host.sessions() & {OLD, OLDER}
    assert {path.name for path in host.win.node("envs").iterdir()} == {ENV, "busy"}
    assert not host.win.at(r".rayfab\.store\half.whl.part").exists()
    assert host.win.at(r".rayfab\.store\new.whl.part").exists()
    assert host.win.machine.running("raylet"), "the node goes on"


def test_a_session_that_a_process_names_stays(host):
    words = ["-c", "import time; time.sleep(60)", rf"C:/Users/me/.rayfab/lab/ray/{OLD}/logs/raylet.out"]
    busy = host.win.machine.start(rf"C:\Users\me\.rayfab\lab\envs\{ENV}\python.exe", words, {})
    try:
        host.ask("clean")
    finally:
        busy.kill()
        busy.communicate()
    assert OLD in host.sessions() and OLDER not in host.sessions()


def test_what_lies_behind_a_junction_stays(host, tmp_path):
    mine = put(tmp_path / "mine/file", days=99)
    (host.temp / OLDER / "away").symlink_to(tmp_path / "mine")
    (host.temp / "session_2025-01-01_x").symlink_to(tmp_path / "mine")
    os.utime(host.temp / OLDER, (0, 0))
    host.ask("clean")
    assert mine.exists() and OLDER not in host.sessions()


def test_the_loop_keeps_to_the_limits(host):
    """Those of the hosts file, here 14 days; at each start, and once an hour."""
    rotated = put(host.temp / NOW / "logs/raylet.out.1", days=20)
    put(host.temp / NOW / "logs/raylet.out", days=0)
    os.utime(host.temp / NOW / "logs", (time.time(),) * 2)
    host.win.machine.reboot()
    until(lambda: OLDER not in host.sessions() and not rotated.exists())
    until(lambda: host.win.machine.running("raylet"))
    assert {OLD, NOW} <= host.sessions()


def test_a_host_without_a_node(tmp_path):
    win = CondaMachine(tmp_path)
    try:
        answer = win.ask(operations.disk_script(HOST, "lab", "clean"))
        assert answer.ok and set(answer.texts) == {"free"}
        assert win.files("") == set()
    finally:
        win.close()


def test_an_environment_that_does_not_run_is_said(host):
    python = host.win.env / "python.exe"
    kept = python.read_bytes()
    python.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    try:
        assert host.ask("clean").unread == "broken"
    finally:
        python.write_bytes(kept)
    assert OLD in host.sessions()
