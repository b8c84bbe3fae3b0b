"""`fab status --watch` with a real sshd: a calm screen, one login, and lines in a pipe."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.run.failures import Failure
from tasks.run.kept_lines import KeptLines
from tests.phases.conftest import fleet, world  # noqa: F401
from tests.ssh import sshd
from tests.terminal import CTRL_C, Terminal

TOP = Path(__file__).parents[2]
CLOCK = re.compile(r"\d\d:\d\d:\d\d, every 5 s")


@pytest.fixture
def server(tmp_path):
    with sshd.running(tmp_path / "server") as running:
        running.key = running.authorize(sshd.keygen(tmp_path / "client"))
        yield running


@pytest.fixture
def env(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return {"HOME": str(home), "RAYFAB_PROGRAM": "./fab", "SSH_AUTH_SOCK": ""}


@pytest.fixture
def hosts_file(server, tmp_path):
    """A host that answers and one that refuses."""
    path = tmp_path / "hosts.yml"
    path.write_text(
        f"cluster: watched\nssh: {{user: root, key: {server.key}}}\n"
        f"head: {{host: 127.0.0.1, port: {server.port}, name: here}}\n"
        f"workers: [{{host: 127.0.0.1, port: {sshd.free_port()}, name: away}}]\n"
    )
    return path


def argv(hosts_file, *more):
    return [sys.executable, str(TOP / "tasks"), "status", "--watch", "--hosts-file", str(hosts_file), *more]


def test_the_screen_stands_still_and_nobody_logs_in_again(server, hosts_file, env):
    with Terminal(argv(hosts_file), columns=100, lines=24, env=env, cwd=hosts_file.parent) as terminal:
        terminal.wait_until(lambda lines: any(CLOCK.search(line) for line in lines), timeout=60)
        first = next(line for line in terminal.lines if CLOCK.search(line))
        terminal.wait_until(
            lambda lines: any(CLOCK.search(line) and line != first for line in lines), "a second round", 60
        )
        shown = terminal.screen
        assert any(re.match(r"here +head", line) for line in shown)
        assert any("away" in line and "refused the connection" in line for line in shown), shown
        assert any(re.match(r"asked less often, every (5|10) s at most: away$", line) for line in shown)
        assert server.log().count("Accepted publickey") == 1
        # the screen is written over, never cleared
        assert "\x1b[2J" not in terminal.raw.partition("\x1b[?1049h")[2].partition("\x1b[?1049l")[0][20:]
        terminal.feed(CTRL_C)
        assert terminal.wait() == 130
        left = terminal.raw.partition("\x1b[?1049l")[2]
        assert "here" in left
        assert "not deployed" in left
        assert "Traceback" not in terminal.raw


def test_a_small_terminal_shows_the_verdict_and_says_what_is_missing(hosts_file, env, server):
    text = hosts_file.read_text().replace("workers: [", "workers: [{host: '127.0.1.[1-30]', port: 9}, ")
    hosts_file.write_text(text)
    with Terminal(argv(hosts_file), columns=100, lines=12, env=env, cwd=hosts_file.parent) as terminal:
        terminal.wait_until(lambda lines: any("enlarge the terminal" in line for line in lines), timeout=60)
        assert any("watched is not healthy" in line for line in terminal.screen), "\n".join(terminal.screen)
        assert len(terminal.screen) <= 12
        terminal.feed(CTRL_C)
        assert terminal.wait() == 130


def test_in_a_pipe_the_table_once_and_then_the_changes(server, hosts_file, env, tmp_path):
    out = tmp_path / "out"
    with out.open("w") as file:
        process = subprocess.Popen(argv(hosts_file), stdout=file, env={**os.environ, **env}, text=True)
        try:
            wait_for(lambda: "watched is not healthy" in out.read_text())
            server.stop()
            kill_sessions(server)
            wait_for(lambda: re.search(r"^\d\d:\d\d:\d\d here: down", out.read_text(), re.MULTILINE))
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
    assert out.read_text().count("node ip") == 1
    assert "\x1b" not in out.read_text()


def test_as_json_a_line_each_time(server, hosts_file, env):
    process = subprocess.Popen(
        argv(hosts_file, "--json"), stdout=subprocess.PIPE, env={**os.environ, **env}, text=True
    )
    try:
        found = [json.loads(process.stdout.readline()) for _ in range(2)]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert [one["nodes"][0]["name"] for one in found] == ["here", "here"]
    assert server.log().count("Accepted publickey") == 1


def wait_for(met, seconds=90.0):
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.1)


def kill_sessions(server):
    """The sessions of an sshd outlive it."""
    found = subprocess.run(["ss", "-tnp", f"sport = :{server.port}"], capture_output=True, text=True).stdout
    for pid in set(re.findall(r"pid=(\d+)", found)):
        os.kill(int(pid), signal.SIGKILL)


class TestHostsThatRefuse:
    @pytest.fixture
    def clock(self, monkeypatch):
        from tasks.run import kept_lines

        now = [0.0]
        monkeypatch.setattr(kept_lines.time, "monotonic", lambda: now[0])
        return now

    def test_are_tried_less_and_less_often_and_at_once_again_when_they_answer(self, fleet, clock):  # noqa: F811
        kept, delays = KeptLines(), []
        for _ in range(6):
            run = fleet.make()
            assert "one" in [node.name for node in kept.take_up(run)]
            run.fail(fleet_node(run, "one"), Failure("refused", "x"))
            kept.keep(run)
            delays.append(kept.slower()["one"])
            clock[0] += delays[-1] - 0.1
            early = fleet.make()
            assert "one" not in [node.name for node in kept.take_up(early)]
            assert early.failure(fleet_node(early, "one")).message == "refused"
            clock[0] += 0.2
        assert delays == [5, 10, 20, 40, 60, 60]


def fleet_node(run, name):
    return next(node for node in run.every() if node.name == name)
