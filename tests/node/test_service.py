"""The loop that keeps Ray alive without systemd: really started, with a stand-in for `ray`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.node import heal, operations
from tasks.node import start as starting
from tasks.node.supervisors import environment as service
from tasks.runtimes.conda.activation import activation
from tests.script import samples
from tests.script.nodes import Node
from tests.script.processes import alive, until
from tests.script.shells import SHELLS, SYSTEM_PATH, argv, environment, stand_in

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")


pool = ThreadPoolExecutor(len(SHELLS))


@contextlib.contextmanager
def on_each_shell(folder: Path):
    """Hosts, each with another `sh`; what is yielded runs a function on all at once: most of it is waiting."""
    nodes = [Node(shell, folder / shell) for shell in SHELLS]
    try:
        yield lambda story: [f.result() for f in [pool.submit(story, node) for node in nodes]]
    finally:
        for node in nodes:
            node.end()


@pytest.fixture
def everywhere(tmp_path):
    with on_each_shell(tmp_path) as run:
        yield run


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    with on_each_shell(tmp_path_factory.mktemp("started")) as run:
        yield run, dict(run(lambda node: (node, node.up())))


class TestRunning:
    """Nodes that are started once for all of these; the last three stop them."""

    @pytest.fixture
    def everywhere(self, started):
        return started[0]

    def test_start_leaves_the_files_of_the_node_and_a_loop(self, started):
        for node, (answer, state, wanted) in started[1].items():
            assert answer.ok, answer.error
            assert answer.values["started"] == "1"
            assert answer.texts["address"] == ["--address='10.0.0.1:6379'"]
            assert json.loads((node.folder / "state.json").read_text()) == state
            assert (node.folder / "service").read_text() == "loop"
            assert (node.folder / "env").resolve() == node.env
            assert (node.home / "argv").read_text().splitlines() == [*wanted.arguments[1:], "--block"]
            for name, mode in (
                ("token", 0o600),
                ("env.sh", 0o600),
                ("state.json", 0o600),
                ("start.sh", 0o700),
            ):
                assert stat.S_IMODE((node.folder / name).stat().st_mode) == mode, name
            assert (node.folder / "token").read_text() == "t0ken"
            assert len(node.rays) == 1 and alive(node.loop)
            assert os.getsid(node.loop) != os.getsid(0), "it must outlive the session that started it"

    def test_another_environment_replaces_it(self, everywhere):
        def replaced(node: Node) -> None:
            before, loop = node.rays, node.loop
            node.install("e2")
            answer, state, _ = node.up("e2", token=None, cpus=2)
            assert answer.ok, answer.error
            assert len(node.rays) == 1 and node.rays != before and not alive(loop)
            assert json.loads((node.folder / "state.json").read_text()) == state
            assert "--num-cpus=2" in (node.home / "argv").read_text().splitlines()
            assert (node.folder / "token").read_text() == "t0ken"
            assert [p.name for p in (node.folder / "envs").iterdir()] == ["e2"], (
                "what nothing runs from is removed"
            )

        everywhere(replaced)

    def test_ray_is_started_again_after_a_sudden_end(self, everywhere):
        def killed(node: Node) -> None:
            before = node.rays
            os.kill(before[0], signal.SIGKILL)
            until(lambda: set(node.rays) - set(before))

        everywhere(killed)

    def test_stop_ends_all_of_this_node_and_no_other_ray(self, everywhere):
        def stopped(node: Node) -> None:
            ray, loop = node.rays[0], node.loop
            # a Ray of another user, and one of another cluster
            strangers = [node.stranger(), node.stranger(RAYFAB_NODE=f"{node.folder}2/")]
            left = [pid for pid in node.numbers("children") if alive(pid)]
            assert left
            answer = node.stop()
            assert answer.ok and answer.values == {"changed": "1"}
            assert not alive(ray) and not alive(loop) and not (node.folder / "loop.pid").exists()
            until(lambda: not any(map(alive, left)))
            assert all(map(alive, strangers))
            assert (node.folder / "state.json").exists(), "what was installed stays"
            time.sleep(0.3)
            assert node.rays == []
            answer = node.stop()
            assert answer.ok and answer.values == {"changed": "0"}

        everywhere(stopped)

    def test_a_ray_that_its_loop_has_restarted_is_replaced(self, everywhere):
        def started_over(node: Node) -> None:
            node.install("e2")
            node.up("e2")
            (before,) = node.rays
            os.kill(before, signal.SIGKILL)
            until(lambda: set(node.rays) - {before})
            answer, _, _ = node.up("e2")
            assert answer.ok and len(node.rays) == 1
            assert node.stop().values == {"changed": "1"}

        everywhere(started_over)

    def test_every_session_is_noted_so_that_destroy_can_remove_it(self, everywhere):
        def noted(node: Node) -> None:
            node.stop()
            sessions = set((node.folder / "sessions").read_text().splitlines())
            assert sessions == {f"{node.home}/temp/session_2026-01-02_{pid}" for pid in node.numbers("pids")}

        everywhere(noted)


def test_a_ray_that_always_fails(everywhere):
    everywhere(always_fails)


def always_fails(node: Node) -> None:
    node.mode("bad")
    answer, _, _ = node.up()
    assert not answer.ok
    assert answer.error == "ray start failed twice"
    assert answer.texts["log"][-2:] == ["the first line of a traceback", "OSError: port 20000 is in use"]
    tries = len(node.numbers("pids"))
    assert tries >= 2 and node.rays == []
    assert json.loads((node.folder / "state.json").read_text())["hash"] == "", "what is installed stays known"
    assert not (node.folder / "loop.pid").exists()
    time.sleep(1.5)
    assert len(node.numbers("pids")) == tries, "nothing goes on trying"
    # once the cause is repaired, the next run starts Ray
    node.mode("good")
    answer, _, _ = node.up()
    assert answer.ok and len(node.rays) == 1


def test_the_session_of_a_start_that_failed_goes_with_the_rest(everywhere):
    everywhere(failed_sessions)


def failed_sessions(node: Node) -> None:
    temp, other = node.home / "rays", "session_2026-01-01_1"
    (temp / other).mkdir(parents=True)
    stand_in(
        node.env / "bin", "ray", f'mkdir -p "{temp}/session_2026-01-03_$$"; echo "OSError: in use"; exit 1'
    )
    answer, _, _ = node.up(temp=temp)
    assert answer.error == "ray start failed twice"
    assert len(list(temp.iterdir())) >= 3
    done = node.ask(
        operations.destroy_script(samples.host(), "lab").text.replace("/tmp/ray\n", f"{temp}\n", 1)
    )
    assert done.ok and [path.name for path in temp.iterdir()] == [other]


def test_a_ray_that_never_says_that_it_has_started(everywhere, monkeypatch):
    monkeypatch.setattr(starting, "START_TIMEOUT", 2)
    everywhere(never_says)


def never_says(node: Node) -> None:
    node.mode("slow")
    answer, _, _ = node.up()
    assert answer.error == "Ray did not start within 2 s"
    assert node.rays == [] and json.loads((node.folder / "state.json").read_text())["hash"] == ""


def test_stop_and_destroy_where_nothing_is(everywhere):
    def story(node: Node) -> None:
        shutil.rmtree(node.home / ".rayfab")
        for script in (operations.stop_script("lab"), operations.destroy_script(samples.host(), "lab")):
            answer = node.ask(script)
            assert answer.ok and answer.values == {"changed": "0"}
        assert not (node.home / ".rayfab").exists()

    everywhere(story)


def test_a_node_whose_loop_has_died(everywhere):
    """Nobody supervises it any more, but it runs: stop ends it, and a start replaces it."""

    def story(node: Node) -> None:
        for end in (node.stop, node.up):
            assert node.up()[0].ok
            (orphan,) = node.rays
            os.kill(node.loop, signal.SIGKILL)
            until(lambda: not alive(node.loop))
            end()
            until(lambda pid=orphan: not alive(pid))
            assert len(node.rays) == (end == node.up)

    everywhere(story)


def test_a_number_that_passed_on_to_a_stranger(everywhere):
    """loop.pid names a process that is no loop of ours: it is left alone."""

    def story(node: Node) -> None:
        (node.folder / "service").write_text("loop")
        stranger = node.stranger()
        (node.folder / "loop.pid").write_text(f"{stranger}\n")
        assert node.stop().values == {"changed": "0"} and alive(stranger)
        for nonsense in ("", "x", "-1", "1 2"):
            (node.folder / "loop.pid").write_text(nonsense)
            assert node.stop().ok

    everywhere(story)


def test_a_link_left_by_an_interrupted_run(everywhere):
    """env.new was made, but not moved into its place."""

    def story(node: Node) -> None:
        node.install("old")
        (node.folder / "env.new").symlink_to(node.folder / "envs/old")
        answer, _, _ = node.up()
        assert answer.ok
        assert (node.folder / "env").resolve() == node.env

    everywhere(story)


def test_a_temporary_folder_that_is_removed_with_what_ray_left_in_it(everywhere):
    def story(node: Node) -> None:
        name = f"test-{node.shell}-{os.getpid()}"
        folder = Path(f"/tmp/rayfab-{name}-{os.getuid()}")
        stand_in(
            node.home / "tools", "ray", 'echo "$TMPDIR" >"$HOME/tmpdir"; [ -z "$TMPDIR" ] || mktemp; exit 5'
        )
        start = node.home / ".rayfab" / name / "start.sh"
        start.parent.mkdir()
        (start.parent / "env.sh").write_text(
            service.env_sh(samples.start(home=str(node.home), cluster=name, env_dir="/none"))
        )
        (start.parent / "watch.py").write_text(heal.program())
        words = [f"{node.home}/tools/ray", "start"]
        words = heal.watch_words(samples.host("head"), str(start.parent / "l"), "::1", "127.0.0.1:9", words)
        start.write_text(service.start_sh(str(start.parent), name, words))
        env = environment(node.home, f"{node.home}/bin:{SYSTEM_PATH}", TMPDIR="")
        done = subprocess.run(["sh", start], env=env, capture_output=True)
        assert (done.returncode, done.stderr) == (5, b"")
        assert (node.home / "tmpdir").read_text() == f"{folder}\n"
        assert (start.parent / "start.log").read_text().startswith(f"{folder}/")
        assert not folder.exists()
        # where somebody else has put something there, it is not used and not removed
        folder.symlink_to(node.home)
        try:
            subprocess.run(["sh", start], env=env, capture_output=True)
            assert (node.home / "tmpdir").read_text() == "\n"
            assert folder.is_symlink() and node.home.exists()
        finally:
            folder.unlink()

    everywhere(story)


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_command_in_an_environment_of_conda_sees(shell, tmp_path):
    """As after `conda activate`, but that packages in the user's ~/.local do not get in between."""
    program, (name, _) = argv(shell)
    text = service.env_sh(
        samples.start(
            home=str(tmp_path),
            env_dir="/x/env's",
            variables={"A": "b c"},
            activation=activation("my-env", "Linux", "/x/env's"),
        )
    )
    (tmp_path / "env.sh").write_text(text)
    before = {"VIRTUAL_ENV": "/v", "PYTHONPATH": "/p", "PYTHONHOME": "/h", "LD_LIBRARY_PATH": "/cuda"}
    words = [name, "-c", '. "$0"; env', str(tmp_path / "env.sh")]
    done = subprocess.run(
        words, executable=program, env=environment(tmp_path, **before), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    got = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert got["CONDA_PREFIX"] == "/x/env's" and got["CONDA_DEFAULT_ENV"] == "my-env"
    assert got["PATH"].startswith("/x/env's/bin:") and got["A"] == "b c"
    assert got["PYTHONNOUSERSITE"] == "1"
    assert not {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"} & set(got)
    assert got["LD_LIBRARY_PATH"] == "/cuda", "where a driver's libraries may lie"
