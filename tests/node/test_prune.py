"""What is removed of Ray's folders, and what stays: the program really runs, on a made-up tree of sessions."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.node import operations, pruning
from tasks.run.disk import parse_usage
from tests.script import samples
from tests.script.processes import alive, until
from tests.script.shells import SHELLS, SYSTEM_PATH, argv, ask, environment, tool

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")

DAY = 86400
OLD, OLDER, NOW = (
    "session_2026-01-01_00-00-00_1_1",
    "session_2025-12-01_00-00-00_1_1",
    "session_2026-02-01_00-00-00_1_1",
)
NODE_ID = "ab" * 28


def put(path: Path, size: int = 10, days: float = 1) -> Path:
    """A file that was last written this long ago, and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    for folder in path.parents[:3]:
        os.utime(folder, (then, then))
    return path


class Tree:
    """Ray's folder with three sessions of which one is the latest, and a folder for spilled objects."""

    def __init__(self, folder: Path) -> None:
        self.temp, self.spill = folder / "ray", folder / "spill"
        put(self.temp / OLDER / "logs/raylet.out", days=40)
        put(self.temp / OLD / "logs/raylet.out", 5000, days=3)
        put(self.temp / NOW / "logs/raylet.out", days=0)
        (self.temp / "session_latest").symlink_to(self.temp / NOW)
        self.logs = self.temp / NOW / "logs"

    def run(self, mode: str, most: int = 1 << 30, days: int = 14, files: int = 1000) -> list[str]:
        """The lines of the answer, without the tree's own folder."""
        words = [mode, str(most), str(days), str(files), str(self.spill), str(self.temp), "/nowhere"]
        program = [sys.executable, "-c", pruning.program(), *words]
        done = subprocess.run(program, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return sorted(line.replace(f"{self.temp}/", "") for line in done.stdout.splitlines())

    def sessions(self) -> set[str]:
        return {path.name for path in self.temp.glob("session_2*")}


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


class TestSessions:
    def test_too_old_ones_go_and_others_stay(self, tree):
        assert tree.run("prune") == [f"sessions removed 10 {OLDER}"]
        assert tree.sessions() == {OLD, NOW}

    def test_clean_removes_all_that_are_over_and_list_says_the_same(self, tree):
        listed = tree.run("list")
        assert listed == [f"sessions old 10 {OLDER}", f"sessions old 5000 {OLD}"]
        assert tree.sessions() == {OLDER, OLD, NOW}
        assert tree.run("clean") == [line.replace(" old ", " removed ") for line in listed]
        assert tree.sessions() == {NOW}

    def test_the_oldest_go_first_where_all_are_too_much(self, tree):
        assert tree.run("prune", most=5100, days=100) == []
        assert tree.run("prune", most=5010, days=100) == [f"sessions removed 10 {OLDER}"]
        assert tree.run("prune", most=100, days=100) == [f"sessions removed 5000 {OLD}"]

    def test_ports_of_nodes_that_are_gone_go(self, tree):
        for name, days in ((NODE_ID, 1), ("cd" * 28, 1), ("ef" * 28, 0)):
            put(tree.temp / NOW / f"runtime_env_agent_port_{name}", 5, days=days)
        put(tree.temp / NOW / "ports_by_node.json", 5)
        words = ["-c", "import time; time.sleep(60)", f"--node_id={NODE_ID}"]
        raylet = subprocess.Popen([sys.executable, *words])
        try:
            assert f"sessions removed 5 {NOW}/runtime_env_agent_port_{'cd' * 28}" in tree.run("prune")
        finally:
            raylet.kill()
            raylet.wait()
        left = {path.name[-56:] for path in (tree.temp / NOW).glob("*_port_*")}
        assert left == {NODE_ID, "ef" * 28}

    def test_the_oldest_go_first_where_all_are_too_many_files(self, tree):
        for number in range(5):
            put(tree.logs / f"worker-{number}-01-9.out", 0, days=1 + number)
        assert tree.run("prune", files=8, days=100) == []
        assert tree.run("prune", files=7, days=100) == [f"sessions removed 10 {OLDER}"]
        assert tree.run("prune", files=5, days=100) == [
            f"logs removed 0 {NOW}/logs/worker-3-01-9.out",
            f"logs removed 0 {NOW}/logs/worker-4-01-9.out",
        ]
        # what Ray's own parts write stays, and the older session's turn comes with its own age
        assert tree.run("prune", files=1, days=100)[-1] == f"sessions removed 5000 {OLD}"
        assert [path.name for path in tree.logs.iterdir()] == ["raylet.out"]

    def test_one_that_a_process_names_stays(self, tree):
        words = [tool("tail"), "-f", str(tree.temp / OLD / "logs/raylet.out")]
        ray = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            assert tree.run("clean") == [f"sessions removed 10 {OLDER}"]
        finally:
            ray.kill()
            ray.wait()

    def test_one_that_somebody_has_just_written_into_stays(self, tree):
        """Its Ray may be in a container, and its processes cannot be seen from here."""
        put(tree.temp / OLD / "logs/debug_state.txt", days=0)
        assert tree.run("clean") == [f"sessions removed 10 {OLDER}"]

    def test_links_and_other_files_are_left_alone(self, tree, tmp_path):
        mine = put(tmp_path / "mine/file", days=99)
        (tree.temp / "session_2025-01-01_x").symlink_to(tmp_path / "mine")
        (tree.temp / OLDER / "away").symlink_to(tmp_path / "mine")
        other = put(tree.temp / "other/file", days=99)
        tree.run("clean")
        assert mine.exists() and other.exists()


class TestLogs:
    def test_of_the_running_session_only_what_nobody_writes_any_more(self, tree):
        gone = [
            put(tree.logs / "old/worker-1.out", days=20),
            put(tree.logs / "worker-2-01.out", days=20),
            put(tree.logs / "python-core-worker-2.log", days=20),
            put(tree.logs / "job-driver-raysubmit_1.log", days=20),
            put(tree.logs / "raylet.out.1", days=20),
            put(tree.logs / "raylet.1.out", days=20),
            put(tree.logs / "events/event_CORE_WORKER_7.log", days=20),
            put(tree.logs / "export_events/event_EXPORT_TASK_7.log", days=20),
        ]
        stay = [
            put(tree.logs / "raylet.err", days=20),
            put(tree.logs / "events/event_RAYLET.log", days=20),
            put(tree.logs / "worker-3-01.err", days=2),
            put(tree.logs / "worker-4-01.out", days=20),
        ]
        put(tree.logs / "raylet.out", days=0)
        with stay[-1].open("a"):
            tree.run("prune")
        assert not any(path.exists() for path in gone)
        assert all(path.exists() for path in stay)

    def test_what_only_ray_s_log_monitor_still_reads(self, tree):
        """It keeps the logs of dead workers open, so that their bytes are freed before their names."""
        path = put(tree.logs / "worker-2-01.out", 4000, days=20)
        put(tree.logs / "raylet.out", days=0)
        code = "import os, sys; f = open(sys.argv[2]); print(1, flush=True); sys.stdin.read();"
        code += " print(os.fstat(f.fileno()).st_size)"
        words = [sys.executable, "-c", code, "log_monitor.py", str(path)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as monitor:
            assert monitor.stdout.readline() == "1\n"
            assert f"logs removed 4000 {NOW}/logs/worker-2-01.out" in tree.run("prune")
            assert not path.exists()
            assert monitor.communicate()[0] == "0\n"

    def test_too_much_of_them_the_oldest_first_and_never_an_open_file(self, tree):
        first = put(tree.logs / "worker-1-01.out", 4000, days=2)
        second = put(tree.logs / "worker-2-01.out", 4000, days=1)
        rotated = put(tree.logs / "worker-3-01.out.1", 4000, days=0)
        fresh = put(tree.logs / "worker-4-01.out", 4000, days=0)
        tree.run("clean", most=1 << 20)
        # 16,010 bytes are there
        tree.run("prune", most=12_100)
        assert not first.exists() and second.exists()
        with second.open("a"):
            tree.run("prune", most=1)
        # what was written within minutes may have a writer that cannot be seen; what was rotated has none
        assert second.exists() and not rotated.exists() and fresh.exists()


class TestSpilledObjects:
    def test_of_nodes_that_are_gone(self, tree):
        gone = put(tree.spill / f"ray_spilled_objects_{NODE_ID}/a", 100)
        inside = put(tree.logs.parent / f"ray_spilled_objects_{NODE_ID}/a", 200)
        put(tree.logs / "raylet.out", days=0)
        nobody_knows = put(tree.spill / "ray_spilled_objects/a")
        other = put(tree.spill / "other/a", days=99)
        living = put(tree.spill / f"ray_spilled_objects_{'cd' * 28}/a")
        words = [sys.executable, "-c", "import time; time.sleep(60)", f"--node_id={'cd' * 28}"]
        with subprocess.Popen(words) as raylet:
            try:
                said = tree.run("list")
                assert f"spill old 200 {NOW}/{inside.parent.name}" in said
                assert "spill used 10" in " ".join(tree.run("sizes"))
                tree.run("prune")
            finally:
                raylet.kill()
        assert not gone.parent.exists() and not inside.parent.exists()
        assert living.exists() and other.exists() and nobody_knows.exists()

    def test_sizes_count_nothing_twice(self, tree):
        put(tree.logs.parent / f"ray_spilled_objects_{NODE_ID}/a", 200)
        said = tree.run("sizes")
        assert f"logs used 10 {NOW}" in said
        assert f"spill old 200 {NOW}/ray_spilled_objects_{NODE_ID}" in said


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


class TestHourly:
    def test_runs_at_once_and_ends_with_its_parent(self, shell, tmp_path):
        program, words = argv(shell)
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/sleep").write_text(f"#!/bin/sh\nexec {tool('sleep')} 0.1\n")
        (tmp_path / "bin/sleep").chmod(0o755)
        (tmp_path / "loop.sh").write_text(pruning.HOURLY)
        (tmp_path / "once.sh").write_text(f'echo "$@" >>{tmp_path}/said; echo $PPID >{tmp_path}/pid\n')
        inner = f"{program} {'sh' if shell == 'busybox' else ''} {tmp_path}/loop.sh sh {tmp_path}/once.sh"
        parent = subprocess.Popen(
            [*words[:-1], "-c", f"{inner} 'a b' & exec {tool('sleep')} 60"],
            executable=program,
            env=environment(tmp_path, f"{tmp_path}/bin:{SYSTEM_PATH}"),
        )
        try:
            until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
            loop = int((tmp_path / "pid").read_text())
            assert (tmp_path / "said").read_text() == "a b\n" and alive(loop)
        finally:
            parent.kill()
            parent.wait()
        until(lambda: not alive(loop))


class TestDisk:
    """`fab disk` and `fab clean` on a host without systemd, with this Python as the environment's."""

    @pytest.fixture
    def host(self, tmp_path):
        tree = Tree(tmp_path)
        node = tmp_path / "home/.rayfab/lab"
        for name in ("now", "gone", "busy"):
            put(node / f"envs/{name}/lib", 1 << 16)
        (node / "envs/now/bin").mkdir()
        (node / "envs/now/bin/python").symlink_to(sys.executable)
        (node / "env").symlink_to(node / "envs/now")
        (node / "env.sh").write_text(f"PATH={node}/envs/now/bin:$PATH\n")
        (node / "service").write_text("loop")
        (node / "spills").write_text(f"{tree.spill}\n")
        (node / "temp").write_text(f"{tree.temp}\n")
        put(tmp_path / "home/.rayfab/.store/ray.whl", 1 << 16)
        put(tmp_path / "home/.rayfab/.store/half.whl.part", 1 << 16)
        put(tmp_path / "home/.rayfab/.store/new.whl.part", 1 << 16, days=0)
        tree.node, tree.home = node, tmp_path / "home"
        return tree

    def ask(self, host, shell, mode):
        script = operations.disk_script(samples.host(), "lab", mode)
        script = replace(script, values={**script.values, "TEMP_DIR": str(host.temp)})
        answer = ask(script, shell, host.home)
        assert answer.ok, answer.error
        return parse_usage(answer.all, answer.texts)

    def test_sizes(self, shell, host):
        usage = self.ask(host, shell, "sizes")
        assert usage.unread == ""
        assert usage.size("logs") == 10 and usage.size("sessions") == 5010 and usage.size("images") == 0
        assert usage.size("environments") >= 4 << 16
        assert {item.state for item in usage.items if item.what.endswith("/now")} == {"used"}
        assert {item.state for item in usage.items if item.what.endswith("/gone")} == {"old"}
        assert set(usage.free) == {"ray", "home", "spill"} and usage.free["ray"][0] > 0

    def test_list_says_what_clean_removes(self, shell, host):
        busy = subprocess.Popen([tool("sleep"), "60"], env={"X": f"{host.node}/envs/busy/bin:/bin"})
        try:
            listed = self.ask(host, shell, "list")
            assert all(item.state == "old" for item in listed.items)
            names = sorted(item.what.rpartition("/")[2] for item in listed.items)
            assert names == sorted([OLD, OLDER, "gone", "half.whl.part"])
            assert host.sessions() == {OLD, OLDER, NOW}
            cleaned = self.ask(host, shell, "clean")
        finally:
            busy.kill()
            busy.wait()
        assert all(item.state == "removed" for item in cleaned.items)
        assert [(i.kind, i.size, i.what) for i in cleaned.items] == [
            (i.kind, i.size, i.what) for i in listed.items
        ]
        assert host.sessions() == {NOW}
        assert {path.name for path in (host.node / "envs").iterdir()} == {"now", "busy"}
        assert {path.name for path in (host.home / ".rayfab/.store").iterdir()} == {"ray.whl", "new.whl.part"}

    def test_a_host_without_a_node(self, shell, tmp_path):
        (tmp_path / "home").mkdir()
        tree = Tree(tmp_path)
        tree.home = tmp_path / "home"
        assert self.ask(tree, shell, "clean").items == ()
        assert tree.sessions() == {OLD, OLDER, NOW}

    def test_an_environment_that_does_not_run(self, shell, host):
        (host.node / "envs/now/bin/python").unlink()
        (host.node / "env.sh").write_text("PATH=/nowhere\n")
        assert "python" in self.ask(host, shell, "clean").unread
        assert host.sessions() == {OLD, OLDER, NOW}
