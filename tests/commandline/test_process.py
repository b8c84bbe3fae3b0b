"""The program as a process: what shells, pipes and terminals do to it, as ./fab and as plain fab."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ssh import sshd
from tests.terminal import CTRL_C, CTRL_D, Terminal

TOP = Path(__file__).parents[2]
ENTRY = {
    "./fab": [sys.executable, str(TOP / "tasks")],
    "fab": [sys.executable, "-m", "fabric", "--search-root", str(TOP)],
}
BOTH = pytest.mark.parametrize("entry", ENTRY.values(), ids=ENTRY)


@pytest.fixture
def home(tmp_path):
    """A user without a single setting."""
    made = tmp_path / "home"
    made.mkdir()
    return made


def shell(entry, line, home, **more):
    """A line of a real shell; FAB stands for the program. Pipes keep the program's own status."""
    program = shlex.join(entry)
    drop = ("RAY_HOSTS_FILE", "RAYFAB_PROGRAM", "SSH_AUTH_SOCK")
    clean = {k: v for k, v in os.environ.items() if k not in drop}
    clean |= {"HOME": str(home), "TERM": "dumb", "COLUMNS": "100"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("FAB", program)],
        env={**clean, **more.get("env", {})},
        cwd=more.get("cwd", home),
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def hosts_file(folder: Path, text: str) -> Path:
    path = folder / "hosts.yml"
    path.write_text(text)
    return path


LOCAL = "cluster: notthere\nhead: {host: localhost, connection: local, runtime: uv}\n"


@BOTH
class TestBothWays:
    """``fab`` in an environment of the user's does what ``./fab`` does."""

    @pytest.mark.parametrize(
        ("line", "status", "said"),
        [
            ("FAB stauts", 2, "there is no task stauts; did you mean status?"),
            ("FAB --dry stop", 2, "does nothing for stop, which has no --dry-run"),
            ("FAB -i key status", 2, "-i/--identity does nothing for status"),
            ("FAB status --help", 0, "Usage: "),
            ("FAB --list", 0, "deploy-cluster   Turn the listed machines"),
            ("FAB exec -- 'a | b'", 2, "exec -- sh -c 'a | b'"),
        ],
    )
    def test_a_command_line_gives_its_status_and_message(self, entry, line, status, said, home):
        done = shell(entry, line, home)
        assert (done.returncode, said in done.stdout + done.stderr) == (status, True), (
            done.stdout + done.stderr
        )

    @pytest.mark.parametrize(
        ("line", "status"),
        [
            ("FAB --list | head -n 1", 0),
            ("FAB --list | true", 0),
            ("FAB --list >/dev/full", 1),
            ("FAB status --help >&-", 0),
            ("FAB stauts 2>&-", 2),
            ("FAB stauts <&- >&- 2>&-", 2),
            ("FAB check --schema | head -n 1", 0),
            ("cd gone && rmdir ../gone && FAB stauts", 2),
            ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii FAB stauts", 2),
            ("env -i FAB stauts", 2),
        ],
    )
    def test_a_closed_or_bare_environment_causes_no_traceback(self, entry, line, status, home):
        (home / "gone").mkdir()
        done = shell(entry, line, home)
        text = done.stdout + done.stderr
        assert done.returncode == status or ("head" in line or "true" in line), text
        for word in ("Traceback", "Exception ignored", "BrokenPipe", "UnicodeEncodeError"):
            assert word not in text

    def test_an_operation_goes_on_where_nobody_reads(self, entry, home):
        """`| head` ends the reader, not the run: its end is in the record of runs."""
        path = hosts_file(home, LOCAL)
        shell(entry, f"FAB stop --hosts-file {path} | true", home)
        record = json.loads((home / ".local/state/rayfab/audit.jsonl").read_text())
        assert record["status"] == 0
        assert record["command"].endswith(f" stop --hosts-file {path}")

    def test_what_never_ends_ends_when_nobody_reads_any_more(self, entry, home):
        path = hosts_file(home, LOCAL)
        done = shell(entry, f"timeout 50 FAB exec --hosts-file {path} -- yes | head -n 2", home)
        assert "Traceback" not in done.stderr
        # 124 would be the time-out's
        assert done.returncode == 1 and "localhost y" in done.stdout

    def test_what_has_to_be_confirmed_is_refused_before_anything_with_the_command_to_paste(self, entry, home):
        path = home / "my hosts.yml"
        path.write_text(LOCAL.replace("localhost", "192.0.2.1").replace("connection: local, ", ""))
        done = shell(entry, "FAB destroy --hosts-file 'my hosts.yml' --limit '192.*'", home)
        assert done.returncode == 2
        first, second = done.stderr.splitlines()
        assert first == "✗ destroy needs --yes where there is no terminal: nothing was changed"
        words = shlex.split(second.removeprefix("  → "))
        assert words[-6:] == ["destroy", "--hosts-file", "my hosts.yml", "--limit", "192.*", "--yes"]

    def test_a_home_that_is_not_there(self, entry, home, tmp_path):
        path = hosts_file(home, LOCAL)
        done = shell(entry, f"HOME=/no/such/home FAB check --hosts-file {path}", home)
        assert done.returncode == 1
        assert "/no/such/home" in done.stdout and "Traceback" not in done.stdout + done.stderr
        assert "unexpected" not in done.stdout
        assert not Path("/no").exists()


@pytest.fixture(scope="module")
def locked_key(tmp_path_factory):
    """An sshd that takes a key which asks for its passphrase, and a hosts file for it."""
    folder = tmp_path_factory.mktemp("locked")
    folder.chmod(0o755)
    with sshd.running(folder / "server") as server:
        key = server.authorize(sshd.keygen(folder / "client", "ed25519", "open sesame"))
        ssh = f"ssh: {{user: root, key: {key}, port: {server.port}}}\n"
        yield hosts_file(folder, f"cluster: notthere\n{ssh}head: {{host: 127.0.0.1, name: one}}\n")


def typed_at(question, keys, arguments, home):
    """What a person sees who types ``keys`` at the question; then the terminal's own state."""
    program = shlex.join([*ENTRY["./fab"], *arguments])
    line = (
        f"trap : INT; {program}; echo status $?; stty -a | tr ' ' '\\n' | grep -x -e echo -e -echo; echo over"
    )
    environment = {"HOME": str(home), "SSH_AUTH_SOCK": None}
    with Terminal(["bash", "-c", line], columns=100, env=environment, cwd=home) as terminal:
        terminal.wait_for(question)
        terminal.feed(keys)
        lines = terminal.wait_for("over")
        terminal.wait()
    return lines


PASSWORD = "cluster: notthere\nhead: {host: 127.0.0.1, name: one, user: nobody, password: {prompt: true}}\n"


class TestQuestions:
    @pytest.mark.parametrize(("keys", "status"), [(CTRL_C, 130), (CTRL_D, 2)])
    @pytest.mark.parametrize("task", ["status", "stop", "logs", "exec", "deploy-cluster"])
    def test_a_password_before_anything_is_connected(self, task, keys, status, home):
        arguments = [task, "--hosts-file", str(hosts_file(home, PASSWORD))]
        lines = typed_at("head.password", keys, arguments + (["--", "true"] if task == "exec" else []), home)
        assert f"status {status}" in lines
        assert "echo" in lines and "Traceback" not in "\n".join(lines)

    @pytest.mark.parametrize(("keys", "status"), [(CTRL_C, 130), (CTRL_D, 1)])
    def test_a_passphrase_while_hosts_are_connected(self, locked_key, keys, status, home):
        lines = typed_at("Passphrase", keys, ["check", "--hosts-file", str(locked_key)], home)
        assert f"status {status}" in lines, lines
        # a terminal without its echo is of no use to anybody
        assert "echo" in lines and "-echo" not in lines
        assert "unexpected" not in "\n".join(lines)

    def test_stays_on_the_screen_until_it_is_answered(self, locked_key, home):
        program = [*ENTRY["./fab"], "check", "--hosts-file", str(locked_key)]
        with Terminal(program, env={"HOME": str(home), "SSH_AUTH_SOCK": None}, cwd=home) as terminal:
            terminal.wait_for("Passphrase")
            terminal.feed("wrong\r")
            terminal.wait_until(lambda _: terminal.raw.count("Passphrase") >= 2, "asked again")
            assert "Passphrase" in terminal.screen[-1]
            terminal.feed("open sesame\r")
            terminal.wait_for("✓ Connect")
            terminal.wait()


def test_ctrl_c_at_any_moment_of_the_start(home):
    """From the shell that begins to the task that is about to run."""
    for hundredth in range(2, 50, 3):
        begun = subprocess.Popen(
            [str(TOP / "fab"), "--list"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "HOME": str(home)},
        )
        time.sleep(hundredth / 100)
        os.killpg(begun.pid, signal.SIGINT)
        said = begun.communicate(timeout=30)[0].decode()
        assert "Traceback" not in said and "KeyboardInterrupt" not in said, said
        # the shell's own end, ours, or too late
        assert begun.returncode in (-signal.SIGINT, 130, 0), said


WRAPPED = """
import sys, types
sys.path.insert(0, sys.argv[1])

def getattr_(name):
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        raise RuntimeError("Error calling __set_name__ on 'member' instance") from error

sys.modules["fabfile"] = types.ModuleType("fabfile")
sys.modules["fabfile"].__getattr__ = getattr_
from tasks.__main__ import start
start()
"""


def test_ctrl_c_while_python_makes_a_class(home):
    """Python 3.11 and older report it as a RuntimeError."""
    done = subprocess.run(
        [sys.executable, "-c", WRAPPED, str(TOP)], capture_output=True, text=True, timeout=30, cwd=home
    )
    assert (done.returncode, done.stderr) == (130, "✗ interrupted\n")


def test_in_the_background_of_a_script_ctrl_c_stays_ignored(home):
    line = "trap '' INT; FAB --list >out & sleep 0.2; kill -INT $!; wait $!"
    done = shell([str(TOP / "fab")], line, home)
    assert done.returncode == 0, done.stderr
    assert "deploy-cluster" in (home / "out").read_text()


def test_ctrl_c_while_a_host_does_not_answer(home):
    """A port where nobody ever says a word."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        path = hosts_file(
            home, f"cluster: notthere\nhead: {{host: 127.0.0.1, name: one, port: {port}, user: x}}\n"
        )
        arguments = ["deploy-cluster", "--hosts-file", str(path)]
        lines = typed_at("connecting to 127.0.0.1", CTRL_C, arguments, home)
    assert "status 130" in lines and "✗ interrupted" in lines
    assert "  done: nothing was changed" in lines
