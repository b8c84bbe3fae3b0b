"""The terminal that other tests look at: it shows what a person would see, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.terminal import CTRL_C, CTRL_D, Terminal

PYTHON = [sys.executable, "-u", "-c"]


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (60, 10)])
def test_the_program_sees_a_terminal_of_that_size(columns, lines):
    code = "import os, sys; print(os.get_terminal_size(), [os.isatty(n) for n in range(3)])"
    with Terminal([*PYTHON, code], columns=columns, lines=lines, env={"COLUMNS": None}) as terminal:
        assert terminal.wait() == 0
        said = "".join(terminal.screen)
    assert said == f"os.terminal_size(columns={columns}, lines={lines}) [True, True, True]"


def test_what_is_typed_arrives_and_the_answer_is_waited_for():
    with Terminal([*PYTHON, "print('hello ' + input('name? '))"]) as terminal:
        terminal.wait_for("name? ")
        terminal.feed("Ann\r")
        assert terminal.wait() == 0
        assert terminal.screen == ["name? Ann", "hello Ann"]


def test_what_was_rewritten_is_seen_as_it_stands_now():
    code = r"print('one\r\ntwo'); print('\x1b[2A\x1b[2Kthree\x1b[1;31m four\x1b[0m 中')"
    with Terminal([*PYTHON, code]) as terminal:
        assert terminal.wait() == 0
        assert terminal.screen == ["three four 中", "two"]


def test_lines_that_have_left_the_screen_are_kept():
    with Terminal([*PYTHON, "for n in range(50): print('line', n)"], lines=5) as terminal:
        assert terminal.wait() == 0
        assert terminal.lines == [f"line {n}" for n in range(50)]
        assert terminal.screen == [f"line {n}" for n in range(46, 50)]


def test_ctrl_c_and_ctrl_d_are_as_those_of_a_person():
    code = (
        "import time\ntry: print('ready'); time.sleep(60)\nexcept KeyboardInterrupt: print('interrupted')\n"
    )
    with Terminal([*PYTHON, code + "input()"]) as terminal:
        terminal.wait_for("ready")
        terminal.feed(CTRL_C)
        terminal.wait_for("interrupted")
        terminal.feed(CTRL_D)
        assert terminal.wait() == 1
        assert "EOFError" in terminal.screen[-1]


def test_a_new_size_reaches_the_program():
    code = (
        "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})\nprint('ready')\n"
        "signal.sigwait({signal.SIGWINCH})\nprint(os.get_terminal_size().columns)"
    )
    with Terminal([*PYTHON, code]) as terminal:
        terminal.wait_for("ready")
        terminal.resize(60, 20)
        assert terminal.wait() == 0
        assert terminal.screen[-1] == "60"


def test_what_does_not_come_is_an_error_that_shows_the_screen():
    with Terminal([*PYTHON, "print('hello')"]) as terminal:
        with pytest.raises(AssertionError, match=r"the program has ended without 'bye':\nhello"):
            terminal.wait_for("bye")
    with Terminal([*PYTHON, "print('hello'); input()"]) as terminal:
        terminal.wait_for("hello")
        with pytest.raises(AssertionError, match="have passed without"):
            terminal.wait_for("bye", timeout=0.05)


def test_the_program_ends_with_the_test():
    with Terminal([*PYTHON, "import os, time; print(os.getpid(), 'runs'); time.sleep(60)"]) as terminal:
        pid = int(terminal.wait_for("runs")[0].split()[0])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert terminal.wait() == -signal.SIGKILL


def test_only_errors_reach_the_terminal_when_output_goes_elsewhere():
    out, into = os.pipe()
    with Terminal(
        [*PYTHON, "import sys; print('out'); print('err', file=sys.stderr)"], stdout=into
    ) as terminal:
        os.close(into)
        assert terminal.wait() == 0
        assert terminal.screen == ["err"]
    with open(out) as file:
        assert file.read() == "out\n"
