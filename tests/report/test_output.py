"""Whatever becomes of standard output and error, a program ends as it should, and with no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
# of whoever runs the tests, but for what decides about terminals
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("CI", "TTY_INTERACTIVE", "TTY_COMPATIBLE")}
ENVIRONMENT |= {"PYTHONPATH": str(TOP), "TERM": "xterm"}
HEAD = "import os, sys\nfrom tasks.report import output\noutput.install()\n"
# what a long operation does: by both ways of printing, for longer than a pipe's buffer, and to its true end
WORK = """
from tasks.report.console import Console
console = Console()
for number in range(3000):
    print("a line by print", number)
    console.ok("a line by the console", str(number))
with console.phase("Install", 2) as board:
    board.fail("two", "broken", "fab logs")
console.table(("host", "why"), [("a", "broken")])
print("done", file=sys.stderr)
with open(sys.argv[1], "w") as file:
    file.write(f"came to the end, gone: {console.gone}")
sys.exit(output.close(0))
"""


@pytest.fixture
def program(tmp_path):
    """``program(code, redirections)``: what a shell makes of it; status, standard error, and what it left."""
    report = tmp_path / "report"

    def run(redirections: str, code: str = WORK, **env: str) -> tuple[int, str, str]:
        script = tmp_path / "program.py"
        script.write_text(HEAD + textwrap.dedent(code))
        done = subprocess.run(
            [
                "bash",
                "-c",
                f'"$0" "$1" "$2" {redirections}; exit ${{PIPESTATUS[0]}}',
                sys.executable,
                script,
                report,
            ],
            cwd=TOP,
            env={**ENVIRONMENT, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        said = done.stderr.decode()
        return done.returncode, said, report.read_text() if report.exists() else done.stdout.decode()

    return run


@pytest.mark.parametrize("reader", ["head -n 1 >/dev/null", "true", "(exec <&-; sleep 0.2)"])
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_that_goes_away(program, reader, buffered):
    assert program(f"| {reader}", PYTHONUNBUFFERED=buffered) == (0, "done\n", "came to the end, gone: True")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_an_error_and_the_program_still_finishes(program):
    code, said, report = program(">/dev/full")
    assert (code, report) == (1, "came to the end, gone: True")
    assert said.splitlines() == ["done", "✗ cannot write the output: No space left on device"]
    assert program(">/dev/full 2>&1") == (1, "", "came to the end, gone: True")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_no_other_status_than_that_of_what_failed(program):
    assert program(">/dev/full", "print('x')\nsys.exit(output.close(3))")[0] == 3


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_what_is_closed_is_nowhere(program, closed):
    code, said, report = program(f"{closed}" + ("" if ">&-" in closed.split() else " >/dev/null"))
    assert (code, report) == (0, "came to the end, gone: False")
    assert said == ("" if "2>&-" in closed else "done\n")


def test_no_connection_gets_the_number_of_what_is_closed(program):
    code = """
        import socket, subprocess
        made = socket.socket()
        child = subprocess.run(["sh", "-c", "echo x && echo y >&2 && ! read z"])
        with open(sys.argv[1], "w") as file:
            file.write(f"{made.fileno() > 2} {child.returncode} {sys.stdin.read()!r}")
    """
    assert program("<&- >&- 2>&-", code) == (0, "", "True 0 ''")


def test_that_nobody_reads_is_known_before_anything_is_written(program):
    code = """
        import time
        from tasks.report.console import Console
        console, deadline = Console(), time.monotonic() + 20
        before = console.gone
        print(os.getpid(), flush=True)
        while not console.gone and time.monotonic() < deadline:
            time.sleep(0.01)
        with open(sys.argv[1], "w") as file:
            file.write(f"{before} {console.gone}")
    """
    assert program("| head -n 1", code) == (0, "", "False True")


def test_a_file_and_a_pipe_that_is_read_are_not_gone(program, tmp_path):
    code = "from tasks.report.console import Console\nsys.exit(Console().gone)"
    assert program("| cat", code)[0] == 0
    assert program(f">{tmp_path}/file", code)[0] == 0


def test_a_pipe_that_another_program_has_made_non_blocking(program):
    code = "os.set_blocking(1, False)\nfor n in range(50000): print('line', n)\nsys.exit(output.close(0))"
    assert program("| (sleep 0.3; tail -n 1)", code) == (0, "", "line 49999\n")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C"},
    ],
)
def test_an_ascii_encoding_replaces_symbols(program, environment):
    code = "print('✓ 中 → \\udce4')\nprint('✗ é…', file=sys.stderr)\nsys.exit(output.close(0))"
    assert program("", code, **environment) == (0, "x ?...\n", "+ ? -> ?\n")


def test_a_terminal_that_is_closed(tmp_path):
    """Its window is closed, or the connection to it lost, and SIGHUP ignored, as by nohup."""
    code = """
        import signal, time
        from tasks.report.console import Console
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        console, deadline = Console(), time.monotonic() + 20
        print("ready", flush=True)
        while not console.gone and time.monotonic() < deadline:
            time.sleep(0.01)
        with console.phase("Install", 2) as board:
            board.step("a", "connecting")
        with open(sys.argv[1], "w") as file:
            file.write(f"{console.gone} {console.live} {output.close(0)}")
    """
    master, slave = os.openpty()
    report = tmp_path / "report"
    argv = [sys.executable, "-c", HEAD + textwrap.dedent(code), report]
    child = subprocess.Popen(argv, cwd=TOP, env=ENVIRONMENT, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    assert os.read(master, 100).startswith(b"ready")
    os.close(master)
    assert child.wait(60) == 0
    assert report.read_text() == "True True 0"


def test_another_stream_that_somebody_reads_is_left_alone(capsys):
    from tasks.report import output

    before = sys.stdout, sys.stderr
    output.install()
    assert (sys.stdout, sys.stderr) == before
    print("heard")
    assert output.close(5) == 5
    assert capsys.readouterr().out == "heard\n"
